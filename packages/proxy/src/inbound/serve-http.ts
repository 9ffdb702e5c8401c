// Serves one inbound connection as HTTP: for each request route, then authorization, filters and rate limits, by the newest policy.
// spec/proxy.md §8.3.
import { type Authorization, type Clock, formatMetadata, type RateLimitDenial, type Reason, reason, reasonOf } from '@weft/core';
import { inRoute } from '@weft/core/route';
import type { Exchange, Http2Params, HttpEngine, Link } from '@weft/http';
import type { Connection } from '../accept/connections.ts';
import type { AccessLog } from '../observe/access-log.ts';
import { type Audit, isAudit } from '../observe/audit.ts';
import { type AuthzMetrics, rateLimitScopeLabel } from '../observe/authz-metrics.ts';
import type { HttpMeter, HttpMetrics } from '../observe/http-metrics.ts';
import { authzLabels } from '../observe/labels.ts';
import type { Direction, Refusals } from '../observe/refusals.ts';
import { breakOff } from '../relay/break-off.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import { localResponse } from '../relay/synthesize.ts';
import type { InboundPlan, InboundRulePlan } from '../route/inbound-plan.ts';
import type { Taps } from '../tap/taps.ts';
import type { Admission, Admissions, ClientAdmissions } from './admissions.ts';
import type { Applications } from './applications.ts';
import type { AuthorityLabel } from './authority-label.ts';
import { type CallConnection, InboundCall } from './http-call.ts';
import type { InboundProfiles } from './profiles.ts';
import type { InboundSession } from './session.ts';

export interface InboundHttpShared {
  readonly engine: HttpEngine;
  readonly serverHttp2: Http2Params;
  readonly applications: Applications;
  readonly profiles: InboundProfiles;
  readonly limit: InFlightLimit;
  readonly taps: Taps;
  readonly metrics: HttpMetrics;
  readonly admissions: Admissions;
  /** Undefined: there is none. */
  readonly accessLog: AccessLog | undefined;
  /** Undefined: requests are not told apart by it. */
  readonly authority: AuthorityLabel | undefined;
  readonly authz: AuthzMetrics;
  readonly audit: Audit;
  readonly refusals: Refusals;
  readonly clock: Clock;
}

/** What happens to a request once it was admitted. */
export type Admitted = (exchange: Exchange, rule: InboundRulePlan, meter: HttpMeter) => void;

/** Resolves when the connection is closed. */
export async function serveInboundHttp(
  shared: InboundHttpShared,
  session: InboundSession,
  connection: Connection,
  link: Link,
  version: 'http/1' | 'http/2',
): Promise<void> {
  const served = new InboundHttpConnection('inbound', shared, session, (exchange, rule, meter) => {
    if (!shared.limit.enter()) return served.refuse(exchange, inRoute(reason('LOAD_SHED', `${shared.limit.max} requests are in flight`), rule));
    new InboundCall(served, exchange, rule, meter).forward();
  });
  const server = shared.engine.serve(link, { version, http2: shared.serverHttp2 }, (exchange) => served.handle(exchange));
  connection.enter(server);
  await server.closed;
}

export class InboundHttpConnection implements CallConnection {
  readonly clock: Clock;
  readonly applications: Applications;
  readonly profiles: InboundProfiles;
  readonly limit: InFlightLimit;
  readonly taps: Taps;
  readonly accessLog: AccessLog | undefined;
  readonly session: InboundSession;
  readonly #shared: InboundHttpShared;
  readonly #direction: Direction;
  readonly #admitted: Admitted;
  readonly #admissions: ClientAdmissions;

  constructor(direction: Direction, shared: InboundHttpShared, session: InboundSession, admitted: Admitted) {
    this.#direction = direction;
    this.#shared = shared;
    this.clock = shared.clock;
    this.applications = shared.applications;
    this.profiles = shared.profiles;
    this.limit = shared.limit;
    this.taps = shared.taps;
    this.accessLog = direction === 'inbound' ? shared.accessLog : undefined;
    this.session = session;
    this.#admissions = shared.admissions.of(session.labels);
    this.#admitted = admitted;
  }

  handle(exchange: Exchange): void {
    const { accessLog } = this;
    accessLog?.came(exchange, this.session);
    try {
      this.#route(exchange);
    } catch (error) {
      this.refuse(exchange, reasonOf(error));
    }
    accessLog?.handled(exchange);
  }

  /** Only a client with a mesh identity learns why. */
  refuse(exchange: Exchange, why: Reason): void {
    this.#report(exchange, why);
    if (!exchange.aborted) {
      const response = localResponse(exchange.request, why, this.session.clientId !== undefined, this.#direction);
      exchange.respond(response);
      this.accessLog?.answered(exchange, response.status, response.headers);
    } else {
      this.accessLog?.over(exchange);
    }
  }

  /** The same for a response that the client has the head of. */
  breakOff(exchange: Exchange, why: Reason): void {
    this.#report(exchange, why);
    breakOff(exchange, why, this.session.clientId !== undefined, this.#direction);
  }

  #report(exchange: Exchange, why: Reason): void {
    const shared = this.#shared;
    const { session } = this;
    const { method, path } = exchange.request;
    const client = session.client.ip;
    const plan = session.plan.current;
    const target = { target_addr: session.labels.target_addr, target_ip: session.target.ip, target_port: session.target.port };
    shared.refusals.request(this.#direction, why, { ...target, ...plan.labels }, { method, path, client, target: target.target_addr });
  }

  #route(exchange: Exchange): void {
    const shared = this.#shared;
    const { session } = this;
    const plan = session.plan.current;
    const selected = plan.select(exchange.request);
    if (!selected) {
      shared.authz.http.routeNotFound.with({ ...session.labels, ...plan.labels }).inc();
      return this.refuse(exchange, reason('ROUTE_NOT_FOUND', `${exchange.request.method} ${exchange.request.path}, server ${formatMetadata(plan.server)}`));
    }
    const { rule, match } = selected;
    const verdict = rule.authorizer.authorize(session.client);
    if (verdict.kind === 'denied') {
      shared.authz.http.deny.with({ ...session.labels, ...plan.labels, ...rule.labels }).inc();
      return this.refuse(exchange, verdict.reason);
    }
    const bound = this.#bind(plan, rule, verdict.authorization);
    bound.allowed.inc();
    if (bound.audited) shared.audit({ server: plan.server, route: rule.route, client: session.client, authorization: verdict.authorization });
    if (rule.invalid) return this.refuse(exchange, rule.invalid);
    const answered = rule.filters.intercept?.(exchange.request, match);
    if (answered) return this.refuse(exchange, answered);
    const limited = plan.rateLimit?.limiter.check(session.client);
    if (limited) return this.#denyRate(exchange, plan, limited);
    this.#admitted(exchange, rule, shared.authority && this.#direction === 'inbound' ? this.#named(exchange, bound, shared.authority) : bound.meter);
  }

  #denyRate(exchange: Exchange, plan: InboundPlan, { scope, reason: why }: RateLimitDenial): void {
    const labels = { ...this.session.labels, ...plan.labels, ...plan.rateLimit?.labels, ratelimit_scope: rateLimitScopeLabel(scope) };
    this.#shared.authz.http.rateLimited.with(labels).inc();
    this.refuse(exchange, { ...why, detail: `${why.detail}, server ${formatMetadata(plan.server)}` });
  }

  #named(exchange: Exchange, bound: Admission, label: AuthorityLabel): HttpMeter {
    const authority = label.of(exchange.request);
    if (authority === undefined) return bound.meter;
    if (bound.named?.labels.authority !== authority) bound.named = this.#shared.metrics.bind({ direction: 'inbound', authority, ...bound.meter.labels });
    return bound.named;
  }

  #bind(plan: InboundPlan, rule: InboundRulePlan, authorization: Authorization): Admission {
    let byAuthorization = this.#admissions.get(rule);
    if (!byAuthorization) this.#admissions.set(rule, (byAuthorization = new Map()));
    let bound = byAuthorization.get(authorization);
    if (!bound) {
      const labels = { ...this.session.labels, ...plan.labels, ...rule.labels, ...authzLabels(authorization) };
      bound = {
        meter: this.#shared.metrics.bind({ direction: 'inbound', ...labels }),
        allowed: this.#shared.authz.http.allow.with(labels),
        audited: isAudit(authorization),
        named: undefined,
      };
      byAuthorization.set(authorization, bound);
    }
    return bound;
  }
}
