// Where a request was going when it failed: the route that took it, and the parent whose routes they are.
import { formatMetadata, type Metadata, type Reason } from '@weft/core';

export interface RoutePlace {
  /** Whose routes they are, as metrics name it: mostly a Service. */
  readonly parent: Metadata;
  readonly route: Metadata;
}

export function inRoute(why: Reason, { parent, route }: RoutePlace): Reason {
  const place = route === parent ? formatMetadata(parent) : `route ${formatMetadata(route)} of ${formatMetadata(parent)}`;
  return { ...why, detail: why.detail === undefined ? place : `${why.detail}; ${place}` };
}
