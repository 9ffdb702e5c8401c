// Proxies one after another under the same load, in rounds; the median of the rounds counts. Then all at half of our own best rate.
import { entry, type Path, type Protocol } from '../hop.ts';
import { loadGenerator } from '../load/generator.ts';
import type { LoadOptions } from '../load/load.ts';
import { type Door, door } from '../load/tls-front.ts';
import type { MeshIdentity } from '../mesh-identity.ts';
import { PEERS } from '../peers/index.ts';
import type { Peer, RunningPeer } from '../peers/peer.ts';
import { pinProxy } from '../processes/cores.ts';
import { cpuTimeUs, residentMib } from '../processes/usage.ts';
import { type LoadFigures, round } from '../report.ts';
import type { Scenario, ScenarioContext } from '../scenario.ts';
import { backends } from './backends.ts';
import { checkAnswer } from './check-answer.ts';

export interface Work {
  readonly name: string;
  readonly path: Path;
  readonly connections: number;
  /** Requests under way on each. */
  readonly streams: number;
  /** Of a response. Default 64. */
  readonly bodyBytes?: number;
  /** Unary calls instead of GET. Default false. */
  readonly grpc?: boolean;
  /** Measured at a fixed rate too, pairs not in quick runs. Default false. */
  readonly rated?: boolean;
  /** Quick runs, too, measure the baselines. Default false: the peers that are judged by. */
  readonly everyone?: boolean;
}

export interface Measured {
  readonly proxies: Readonly<Record<string, LoadFigures>>;
  readonly skipped: readonly string[];
}

export function underLoad(about: string, work: Work): Scenario {
  return { name: work.name, about, run: async (context) => ({ name: work.name, ...(await measureUnderLoad(work, context)) }) };
}

const FULL = { warmUpSeconds: 1.5, seconds: 2, rounds: 3, ratedSeconds: 2 };
const QUICK = { warmUpSeconds: 0.4, seconds: 0.8, rounds: 1, ratedSeconds: 0.8 };
/** Many requests at once, also where few are measured: what compiles as it runs must have done so. */
const WARM_UP: Readonly<Record<Protocol, Pick<LoadOptions, 'connections' | 'streams'>>> = {
  h1: { connections: 32, streams: 1 },
  h2: { connections: 4, streams: 8 },
  tcp: { connections: 32, streams: 1 },
};
/** It takes parts of seconds. */
const warmUpGenerator = loadGenerator({ protocol: 'h2' });
/** Above this share of what a proxy can do at most, its latency says only that it is saturated. */
const SUSTAINABLE = 0.9;

interface Contestant {
  readonly peer: Peer;
  readonly proxy: RunningPeer;
  readonly front: Door;
}

export async function measureUnderLoad(work: Work, { quick, log, identity, takesPart }: ScenarioContext): Promise<Measured> {
  const { name, path, rated = false, everyone = false } = work;
  const { warmUpSeconds, seconds, rounds, ratedSeconds } = quick ? QUICK : FULL;
  const candidates = PEERS.filter((peer) => peer.carries(path) && takesPart(peer.name) && (!quick || everyone || peer.judge));
  const skipped = candidates.flatMap((peer) => peer.missing() ?? []);
  const behind = backends(work);
  const contestants: Contestant[] = [];
  try {
    const present = candidates.filter((one) => one.missing() === undefined);
    const entered = await Promise.allSettled(present.map((peer) => enter(peer, work, identity, behind.port)));
    contestants.push(...entered.flatMap((one) => (one.status === 'fulfilled' && typeof one.value !== 'string' ? [one.value] : [])));
    for (const one of entered) {
      if (one.status === 'rejected') throw one.reason;
      if (typeof one.value === 'string') skipped.push(one.value);
    }
    for (const contestant of contestants) await warmUpGenerator.run({ ...loadOn(contestant, work, warmUpSeconds), ...WARM_UP[entry(path).protocol] });
    const measured = new Map<string, LoadFigures[]>(contestants.map(({ peer }) => [peer.name, []]));
    for (let number = 0; number < rounds; number++) {
      for (const contestant of contestants) {
        const figures = await measure(contestant, work, loadOn(contestant, work, seconds));
        measured.get(contestant.peer.name)?.push(figures);
        log(`${name}: ${contestant.peer.name} ${figures.cpu_us_per_request.toFixed(1)} µs CPU per request, ${figures.rps.toFixed(0)} requests/s`);
      }
    }
    const proxies = Object.fromEntries([...measured].map(([peer, list]) => [peer, medianOf(list)]));
    const rate = (proxies['weft']?.rps ?? Number.NaN) / 2;
    if (!rated || (quick && path.length > 1) || Number.isNaN(rate)) return { proxies, skipped };
    for (const contestant of contestants) {
      const figures = proxies[contestant.peer.name];
      if (figures === undefined || figures.rps * SUSTAINABLE < rate || (quick && !contestant.peer.judge)) continue;
      const load = { ...loadOn(contestant, work, ratedSeconds), rate };
      const { requests, seconds: took, p50Ms, p99Ms } = await loadGenerator(load).run(load);
      proxies[contestant.peer.name] = { ...figures, rate: round(requests / took, 0), p50_at_rate_ms: round(p50Ms, 3), p99_at_rate_ms: round(p99Ms, 3) };
      log(`${name}: ${contestant.peer.name} p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms at ${rate.toFixed(0)} requests/s`);
    }
    return { proxies, skipped };
  } finally {
    for (const { proxy, front } of contestants) {
      await front.close();
      await proxy.close();
    }
    await behind.close();
  }
}

/** Started, pinned and seen to carry the backend's answer; a reason where a peer cannot do it. Ours must. */
async function enter(peer: Peer, work: Work, identity: MeshIdentity, backend: (protocol: Protocol) => Promise<number>): Promise<Contestant | string> {
  try {
    const proxy = await peer.start(work.path, { identity, backend });
    const front = await door(proxy, entry(work.path).tls, identity);
    try {
      proxy.pids.forEach((pid, index) => pinProxy(pid, index));
      await checkAnswer(front.port, work);
      return { peer, proxy, front };
    } catch (error) {
      await front.close();
      await proxy.close();
      throw error;
    }
  } catch (cause) {
    const problem = new Error(`${peer.name} does not carry ${work.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    if (peer.name.startsWith('weft')) throw problem;
    return problem.message;
  }
}

function loadOn({ front }: Contestant, { path, connections, streams, grpc = false }: Work, seconds: number): LoadOptions {
  return { protocol: entry(path).protocol === 'h2' ? 'h2' : 'h1', port: front.port, connections, streams, seconds, grpc };
}

async function measure({ peer, proxy }: Contestant, work: Work, load: LoadOptions): Promise<LoadFigures> {
  const cpuOfAll = (): number => proxy.pids.reduce((sum, pid) => sum + cpuTimeUs(pid), 0);
  const before = cpuOfAll();
  const { requests, errors, seconds, p50Ms, p99Ms } = await loadGenerator(load).run(load);
  const used = cpuOfAll() - before;
  if (!(requests > 0)) throw new Error(`${peer.name} answered no request of ${work.name}, ${errors} failed`);
  const { bodyBytes = 64 } = work;
  return {
    cpu_us_per_request: round(used / requests, 2),
    rps: round(requests / seconds, 0),
    p50_ms: round(p50Ms, 3),
    p99_ms: round(p99Ms, 3),
    rss_mib: round(
      proxy.pids.reduce((sum, pid) => sum + residentMib(pid), 0),
      1,
    ),
    errors,
    ...(bodyBytes > 100_000 && { mib_per_cpu_second: round((requests * bodyBytes * 1e6) / 2 ** 20 / used, 0) }),
  };
}

/** The round in the middle by the figure that counts. */
export function medianOf(rounds: readonly LoadFigures[]): LoadFigures {
  const sorted = [...rounds].sort((a, b) => a.cpu_us_per_request - b.cpu_us_per_request);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new RangeError('no rounds');
  return { ...middle, errors: rounds.reduce((sum, { errors }) => sum + errors, 0) };
}
