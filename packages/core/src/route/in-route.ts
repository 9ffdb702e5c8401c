// Where a request was going when it failed, and where a policy cannot be compiled: the route, and the parent whose routes they are.
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import { type Reason, ReasonError, reason, reasonOf } from '../reasons/reason.ts';

export interface RoutePlace {
  /** Whose routes they are, as metrics name it: mostly a Service. */
  readonly parent: Metadata;
  readonly route: Metadata;
}

export function placeOf({ parent, route }: RoutePlace): string {
  return route === parent ? formatMetadata(parent) : `route ${formatMetadata(route)} of ${formatMetadata(parent)}`;
}

export function inRoute(why: Reason, at: RoutePlace): Reason {
  const place = placeOf(at);
  return { ...why, detail: why.detail === undefined ? place : `${why.detail}; ${place}` };
}

/** A request of which it cannot be told which route takes it names the parent. */
export function selectWithin<Q, S>(parent: Metadata, select: (request: Q) => S): (request: Q) => S {
  return (request) => {
    try {
      return select(request);
    } catch (error) {
      throw new ReasonError(inRoute(reasonOf(error), { parent, route: parent }), { cause: error });
    }
  };
}

/** What cannot be compiled names the route that it belongs to. */
export function withinRoute<R>(route: Metadata, compile: () => R): R {
  try {
    return compile();
  } catch (error) {
    const { code, detail = '' } = reasonOf(error);
    throw new ReasonError(reason(code, `route ${formatMetadata(route)}: ${detail}`), { cause: error });
  }
}
