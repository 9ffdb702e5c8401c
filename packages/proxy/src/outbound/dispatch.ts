// Hands a request to a backend of its target's plan: shared by the sidecar, the ingress and the gateway. spec/proxy.md §2.2, §7.
import { formatMetadata, ReasonError, reason } from '@weft/core';
import { inRoute, type RoutedRequest } from '@weft/core/route';
import type { Exchange, RequestHead } from '@weft/http';
import { setCanonicalDst, takeRequiredId } from '../relay/l5d-headers.ts';
import { type HeadEdits, joinEdits } from '../route/filters.ts';
import type { HttpPlan } from '../route/http-plan.ts';
import type { TcpPlan } from '../route/tcp-plan.ts';
import type { Discovered, Plan } from './discover.ts';
import { type CallConnection, HttpCall } from './http-call.ts';
import type { HttpBackend, TcpBackend } from './pool-backend.ts';
import { TriedRequest } from './tries/tried-request.ts';

export interface DispatchOptions {
  readonly plan: HttpPlan<HttpBackend> | undefined;
  /** Come before those of the route. Default none. */
  readonly edits?: HeadEdits;
}

/** Throws a ReasonError where nothing takes the request. */
export function dispatch(connection: CallConnection, exchange: Exchange, { plan, edits: before }: DispatchOptions): void {
  const { request } = exchange;
  const requiredId = takeRequiredId(request);
  if (plan?.canonicalDst !== undefined) setCanonicalDst(request, plan.canonicalDst);
  const routed = plan ? routedAs(request, plan.canonicalDst ?? connection.defaultAuthority) : request;
  const selected = plan?.select(routed);
  if (!selected)
    throw new ReasonError(
      reason('ROUTE_NOT_FOUND', `${request.method} ${request.authority ?? ''}${request.path}${plan ? `; ${formatMetadata(plan.parent)}` : ''}`),
    );
  const { rule, match } = selected;
  const tries = plan && connection.tries.of(plan, rule, request);
  const answered = rule.filters.intercept?.(routed, match);
  if (answered) throw new ReasonError(answered);
  const choice = rule.distribute();
  if (!choice) throw new ReasonError(inRoute(reason('LOAD_SHED', 'there is no backend'), rule));
  const { backend, filters } = choice;
  const answeredByBackend = filters.intercept?.(routed, match);
  if (answeredByBackend) throw new ReasonError(answeredByBackend);
  const { limit } = connection;
  if (!limit.enter()) throw new ReasonError(inRoute(reason('LOAD_SHED', `${limit.max} requests are in flight`), rule));
  const routeEdits = before ? joinEdits(before, rule.filters) : rule.filters;
  if (tries) return new TriedRequest({ connection, exchange, routed, selected, routeEdits, requiredId, tries }).start(choice);
  backend.submit(new HttpCall({ connection, exchange, rule, backend, routeEdits, backendEdits: filters, requiredId }));
}

/** Hosts of routes meet what the connection was made to, where HTTP/1 names none, as in Linkerd: absolute forms are taken as they are. */
function routedAs(request: RequestHead, authority: string): RoutedRequest {
  return request.authority !== undefined || request.version === '2' || request.form === 'absolute' ? request : { ...request, authority };
}

export function httpPlanOf(plan: Plan, version: 'http/1' | 'http/2'): HttpPlan<HttpBackend> | undefined {
  if (plan.kind === 'detect') return version === 'http/1' ? plan.http1 : plan.http2;
  return plan.kind === 'http1' || plan.kind === 'http2' ? plan.http : undefined;
}

/** Where bytes that are not HTTP go. Throws a ReasonError where the target takes none. */
export function opaquePlanOf(found: Discovered): TcpPlan<TcpBackend> {
  if (found.kind === 'refused') throw new ReasonError(found.reason);
  const { plan } = found;
  if (plan.kind === 'detect' || plan.kind === 'opaque') return plan.opaque;
  throw new ReasonError(reason('ROUTE_NOT_FOUND', `the policy of the target declares ${plan.kind}, and the bytes are opaque`));
}
