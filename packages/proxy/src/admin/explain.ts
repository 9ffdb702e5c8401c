// `GET /explain?direction=…&target=…`: what would happen to a hypothetical request, by the policy and the balancers that are in force now.
import { type Clock, isLoopbackIp, type PolicyPort, type Reason, reason, type ServerPolicy } from '@weft/core';
import { explainInbound, explainOutbound, type OutboundQuestion, refused, takeRequiredIdentity } from '@weft/core/explain';
import type { LocalResponse, RequestHead } from '@weft/http';
import type { Discovered, Lookup } from '../outbound/discover.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { AdminRoute } from '../ports.ts';
import { type AskBalancers, balancersOf, lookUp, mergedBalancer, shownBalancer } from './balancers.ts';
import { readExplainQuery, type Target } from './explain-query.ts';

export interface ExplainRouteOptions {
  readonly outbound: Pick<Outbound, 'discover' | 'loopTo' | 'refuses'>;
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

async function outbound(target: Target, question: OutboundQuestion, options: ExplainRouteOptions): Promise<LocalResponse> {
  const loop = target.kind === 'address' ? options.outbound.loopTo(target.address) : undefined;
  if (loop) return json(refusal(loop, 'connection'));
  const lookup = lookUp(options.outbound.discover, target);
  try {
    const found = await discovered(lookup, options.clock);
    if (found.kind === 'refused') return json(refusal(found.reason, refusedAs(target, question, found.reason)));
    return json(await explained(found, target, question, options));
  } finally {
    lookup.release();
  }
}

/** A control plane that says nothing refuses. */
async function discovered(lookup: Lookup, clock: Clock): Promise<Discovered> {
  const late = new AbortController();
  const timer = clock.after(DISCOVERY_MS, () => late.abort());
  try {
    return await lookup.ready(late.signal);
  } catch (error) {
    if (!late.signal.aborted) throw error;
    return { kind: 'refused', reason: reason('DISCOVERY_UNAVAILABLE', `the control plane has said nothing for ${DISCOVERY_MS} ms`) };
  } finally {
    timer.cancel();
  }
}

/** Requests to names and requests under an invalid policy are answered; else connections are closed before anything is read. */
function refusedAs(target: Target, { protocol }: OutboundQuestion, { code }: Reason): 'request' | 'connection' {
  const http = protocol === 'http/1' || protocol === 'http/2';
  return http && (target.kind === 'name' || code === 'POLICY_INVALID') ? 'request' : 'connection';
}

function refusal(why: Reason, what: 'request' | 'connection'): unknown {
  return { direction: 'outbound', candidates: [], filters: [], backends: [], verdict: refused(why, what) };
}

/** By the policy first: it says which balancers are asked how they stand. */
async function explained(
  { plan, routing }: Extract<Discovered, { kind: 'plan' }>,
  target: Target,
  question: OutboundQuestion,
  { outbound: { refuses }, otherBalancers }: ExplainRouteOptions,
): Promise<unknown> {
  const { protocol, backends } = explainOutbound(routing, question);
  const { request } = takeRequiredIdentity(question.request);
  const asked = { ...question, request, protocol: protocol === 'grpc' ? ('http/2' as const) : protocol };
  const workers = await otherBalancers?.(target, asked);
  const own = workers ? [] : balancersOf(plan, asked);
  const each = (workers ?? [{ pools: own }]).filter(({ pools }) => pools.length > 0);
  // A connection is any worker's: where one of them would forward, it may be forwarded.
  const all = (each.length > 0 ? each : [{ pools: [] }]).map(({ pools }) => explainOutbound(routing, question, { backends: pools, refuses }));
  const one = all.find(({ verdict }) => verdict.kind === 'forwarded') ?? all[0];
  const balancer = (n: number): unknown => {
    if (workers) return mergedBalancer(workers, n);
    const pool = own[n];
    return pool && shownBalancer(pool);
  };
  return { ...one, backends: backends.map((backend, n) => ({ ...backend, balancer: balancer(n) })) };
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
