// How the balancers stand that a hypothetical request would meet: in this thread, or in those that carry the traffic.
import type { Reason } from '@weft/core';
import { explainReason, type OutboundQuestion, type ReasonExplanation } from '@weft/core/explain';
import type { Discover, Lookup, Plan } from '../outbound/discover.ts';
import { httpPlanOf } from '../outbound/dispatch.ts';
import type { EndpointSnapshot, PoolSnapshot } from '../outbound/pool-backend.ts';
import type { Target } from './explain-query.ts';

/** Of one worker, in the order of the backends of the policy. */
export interface WorkerBalancers {
  readonly worker: number;
  readonly pools: readonly PoolSnapshot[];
}

/** Asks all that carry traffic. Those that do not answer are left out; must not reject. */
export type AskBalancers = (target: Target, question: OutboundQuestion) => Promise<readonly WorkerBalancers[]>;

export function lookUp(discover: Discover, target: Target): Lookup {
  return target.kind === 'address' ? discover.lookup(target.address) : discover.lookupName(target.host, target.port);
}

/** The backends of the rule that the plan itself selects, in the order of the policy. */
export function balancersOf(plan: Plan, { request, protocol, sni = '' }: OutboundQuestion): readonly PoolSnapshot[] {
  return choicesOf(plan, request, protocol, sni).map(({ backend }) => backend.snapshot());
}

function choicesOf(
  plan: Plan,
  request: OutboundQuestion['request'],
  protocol: OutboundQuestion['protocol'],
  sni: string,
): readonly { readonly backend: { snapshot(): PoolSnapshot } }[] {
  try {
    if (plan.kind === 'tls') return plan.select(sni.toLowerCase())?.distribute.choices ?? [];
    if (protocol === 'opaque') return plan.kind === 'opaque' || plan.kind === 'detect' ? plan.opaque.distribute.choices : [];
    return httpPlanOf(plan, protocol === 'http/1' ? 'http/1' : 'http/2')?.select(request)?.rule.distribute.choices ?? [];
  } catch {
    // The verdict says what routing refuses.
    return [];
  }
}

/** One backend, as it is shown: reasons in words. */
export function shownBalancer({ name, gate, why, waiting, endpoints }: PoolSnapshot): unknown {
  return { name, gate, why: inWords(why), waiting, endpoints: endpoints.map(shownEndpoint) };
}

/** One backend over all workers: each has connections, queue and breakers of its own, so that an endpoint is shown once for each. */
export function mergedBalancer(workers: readonly WorkerBalancers[], index: number): unknown {
  const known = workers.flatMap(({ worker, pools }) => {
    const pool = pools[index];
    return pool ? [{ worker, pool }] : [];
  });
  const [first] = known;
  if (!first) return undefined;
  return {
    name: first.pool.name,
    gate: GATES.find((gate) => known.some(({ pool }) => pool.gate === gate)),
    waiting: known.reduce((sum, { pool }) => sum + pool.waiting, 0),
    workers: known.map(({ worker, pool: { gate, why, waiting } }) => ({ worker, gate, why: inWords(why), waiting })),
    endpoints: known.flatMap(({ worker, pool }) => pool.endpoints.map((endpoint) => ({ worker, ...shownEndpoint(endpoint) }))),
  };
}

/** Of a connection that any worker may take, the one that lets most pass comes first. */
const GATES = ['open', 'resolving', 'unused', 'shut'] as const satisfies readonly PoolSnapshot['gate'][];

function shownEndpoint({ lastError, ...endpoint }: EndpointSnapshot) {
  return { ...endpoint, lastError: inWords(lastError) };
}

function inWords(why: Reason | undefined): ReasonExplanation | undefined {
  return why && explainReason(why);
}
