// Where a request was going when it failed: what core says of routes, under the name that the plans use.
export { inRoute, placeOf, type RoutePlace, selectWithin, withinRoute } from '@weft/core/route';
