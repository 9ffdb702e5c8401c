// Routing alone: routes compiled to a table that finds the most specific rule for a request, filters that answer in place of a backend,
// the routes of ServiceProfiles. Patterns are matched in time linear in the text, whatever they are.
// Example: const table = routeTable([{ hosts: [], rules: [{ matches: [], rule: 'default' }] }]); table.select(request)?.rule;
export { checkOutbound, checkWeights, forbids } from './check-outbound.ts';
export { ANYTHING, type CompiledMatch, grpcMatch, httpMatch } from './compile-match.ts';
export { HostIndex } from './host-match.ts';
export { inRoute, placeOf, type RoutePlace, selectWithin, withinRoute } from './in-route.ts';
export { type HeaderFilter, type Intercept, type SortedFilters, sortFilters } from './interception.ts';
export { type CompilePattern, type Pattern, patternCompiler } from './pattern.ts';
export { compileCondition, type OutboundRouting, type ProfileRouting, profileRoutes, type SelectProfileRoute } from './profile-routes.ts';
export { hostOf, type RoutedRequest } from './request-view.ts';
export { type Candidate, type RouteSpec, type RouteTable, routeTable } from './route-table.ts';
