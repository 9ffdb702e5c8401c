// `GET /explain?direction=…&target=…`: what would happen to a hypothetical request, by the policy and the balancers that are in force now.
import { type Clock, isLoopbackIp, type PolicyPort, reason, reasonOf, type ServerPolicy } from '@weft/core';
import { explainInbound, explainOutbound, type OutboundExplanation, type OutboundQuestion } from '@weft/core/explain';
import type { LocalResponse, RequestHead } from '@weft/http';
import type { Discover, Discovered } from '../outbound/discover.ts';
import type { AdminRoute } from '../ports.ts';
import { type AskBalancers, balancersOf, lookUp, mergedBalancer } from './balancers.ts';
import { readExplainQuery, type Target } from './explain-query.ts';

export interface ExplainRouteOptions {
  readonly discover: Discover;
  readonly policy: PolicyPort;
  readonly clock: Clock;
  /** Set where other threads carry the traffic: their balancers are shown. */
  readonly otherBalancers?: AskBalancers | undefined;
}

/** How long the control plane is waited for, where the target was not in use. */
const DISCOVERY_MS = 3_000;

/** A port that nobody uses has its default policy until the control plane answers, and there is no telling whether it has. */
const PORT_SETTLES_MS = 250;

export function explainRoute(options: ExplainRouteOptions): AdminRoute {
  return {
    path: '/explain',
    async handle(request, clientIp) {
      if (request.method !== 'GET') return text(405, 'method not allowed\n', ['allow', 'GET']);
      if (!isLoopbackIp(clientIp)) return text(403, `policies and endpoints are explained to clients of this pod only, and ${clientIp} is none\n`);
      const query = readExplainQuery(queryOf(request));
      switch (query.direction) {
        case 'none':
          return text(400, `${query.errors.join('\n')}\n`);
        case 'inbound': {
          const policy = await policyOf(query.port, options);
          if (!policy) return text(503, `the policy of port ${query.port} is not known\n`);
          return json({ port: query.port, ...explainInbound(policy, query) });
        }
        case 'outbound':
          return await outbound(query.target, query.question, options);
      }
    },
  };
}

async function outbound(target: Target, question: OutboundQuestion, { discover, clock, otherBalancers }: ExplainRouteOptions): Promise<LocalResponse> {
  const lookup = lookUp(discover, target);
  const late = new AbortController();
  const timer = clock.after(DISCOVERY_MS, () => late.abort(new Error(`the control plane has said nothing for ${DISCOVERY_MS} ms`)));
  try {
    const found = await lookup.ready(late.signal);
    if (found.kind === 'refused') return json({ direction: 'outbound', verdict: { kind: 'refused', reason: found.reason } });
    return json(await withBalancers(explainOutbound(found.routing, question), found, target, question, otherBalancers));
  } catch (error) {
    return json({ direction: 'outbound', verdict: { kind: 'refused', reason: reason('DISCOVERY_UNAVAILABLE', reasonOf(error).detail) } });
  } finally {
    timer.cancel();
    lookup.release();
  }
}

/** Adds to each backend how the balancer behind it stands. */
async function withBalancers(
  explained: OutboundExplanation,
  { plan }: Extract<Discovered, { kind: 'plan' }>,
  target: Target,
  question: OutboundQuestion,
  ask: AskBalancers | undefined,
): Promise<unknown> {
  const { protocol } = explained;
  const asked = { ...question, protocol: protocol === 'grpc' ? ('http/2' as const) : protocol };
  const workers = await ask?.(target, asked);
  const own = workers ? [] : balancersOf(plan, asked);
  return { ...explained, backends: explained.backends.map((backend, n) => ({ ...backend, balancer: workers ? mergedBalancer(workers, n) : own[n] })) };
}

async function policyOf(port: number, { policy, clock }: ExplainRouteOptions): Promise<ServerPolicy | undefined> {
  const watch = policy.inbound(port);
  let value: ServerPolicy | undefined;
  let changes = 0;
  let done: () => void = () => undefined;
  const release = watch.subscribe((state) => {
    if (state.kind === 'value') value = state.value;
    if (++changes > 1) done();
  });
  if (changes < 2) {
    await new Promise<void>((resolve) => {
      const timer = clock.after(PORT_SETTLES_MS, resolve);
      done = () => {
        timer.cancel();
        resolve();
      };
    });
  }
  release();
  return value;
}

function queryOf({ path }: RequestHead): URLSearchParams {
  const mark = path.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : path.slice(mark + 1));
}

function json(value: unknown): LocalResponse {
  return { status: 200, headers: ['content-type', 'application/json'], body: Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`) };
}

function text(status: number, body: string, headers: readonly string[] = []): LocalResponse {
  return { status, headers: ['content-type', 'text/plain', ...headers], body: Buffer.from(body) };
}
