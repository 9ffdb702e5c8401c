// `npm run soak`: a million exchanges, and a million connections, a tenth of them with a handshake, through proxies in this process; afterwards
// descriptors, sockets, heap, exchanges and connections must be what they were. In two halves at once, unless churns are named. Prints one JSON object as its last line; exit status 1 where a bound does not hold or a round goes wrong.
import { floatFlag, listFlag, parseFlags, renderUsage } from '@weft/process';
import type { Churn } from './churn.ts';
import { CHURNS } from './churns/index.ts';
import { dieLoudly } from './die-loudly.ts';
import { LoadProcess } from './load-process.ts';
import { type PartReport, parts, runPart } from './parts.ts';
import { type Resources, settled } from './resources.ts';
import { type Books, type SoakWorld, startWorld } from './world.ts';

const SPEC = {
  scale: floatFlag({ default: Number(process.env['SOAK_SCALE'] ?? 1), help: 'share of a million rounds (also SOAK_SCALE); 0.1 takes a minute or two' }),
  only: listFlag({ default: [], help: 'names of churns' }),
};

/** What may be left over after all rounds, beside the baseline taken after a tenth of them. */
const BOUNDS = { descriptors: 4, sockets: 4, heapMib: 6, externalMib: 4, openConnections: 4, inFlight: 0, live: 8 } as const;
/** Before the baseline: code is compiled, tables and buffers have their size. */
const WARM_UP_SHARE = 0.1;
/** What all churns must have done at scale 1, warm-up included. */
const DONE = { connections: 1_000_000, handshakes: 100_000 } as const;
/** An upstream of an endpoint that is gone is let go of within seconds. */
const SETTLE_MS = 20_000;

interface Holdings extends Resources, Books {
  /** Class → reachable instances. */
  readonly live: Readonly<Record<string, number>>;
}

const out = (text: string): void => void process.stdout.write(`${text}\n`);

async function churn(world: SoakWorld, load: LoadProcess, churns: readonly Churn[], share: number): Promise<Holdings> {
  for (const { name, rounds: full } of churns) {
    const rounds = roundsOf(full, share);
    const started = performance.now();
    try {
      await load.run({ churn: name, rounds, entries: world.entries }, world.rotateEndpoints);
    } catch (error) {
      out(world.lastWords());
      throw error;
    }
    world.forget();
    out(`${name}: ${rounds} rounds in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  const held = await settled(SETTLE_MS);
  return { ...held, ...world.books(), live: world.census.count() };
}

/** One at least. */
function roundsOf(full: number, share: number): number {
  return Math.max(1, Math.round(full * share));
}

/** What has grown, by name. */
function growth(before: Holdings, after: Holdings): Readonly<Record<keyof typeof BOUNDS, number>> {
  const live = Object.keys(after.live).map((name) => (after.live[name] ?? 0) - (before.live[name] ?? 0));
  return {
    descriptors: after.descriptors - before.descriptors,
    sockets: after.sockets - before.sockets,
    heapMib: Number((after.heapMib - before.heapMib).toFixed(2)),
    externalMib: Number((after.externalMib - before.externalMib).toFixed(2)),
    openConnections: after.openConnections - before.openConnections,
    inFlight: after.inFlight,
    live: Math.max(...live),
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(SPEC, argv);
  if (parsed.kind !== 'ok') {
    out(parsed.kind === 'errors' ? parsed.errors.join('\n') : renderUsage(SPEC, { name: 'npm run soak --' }));
    return parsed.kind === 'errors' ? 64 : 0;
  }
  const { scale, only } = parsed.values;
  return only.length === 0 ? whole(scale) : part(scale, only);
}

async function whole(scale: number): Promise<number> {
  const started = performance.now();
  const reports = await Promise.all(parts().map((churns) => runPart(churns, scale, out)));
  const seconds = Math.round((performance.now() - started) / 1000);
  const sum = (of: (report: PartReport) => number): number => reports.reduce((total, report) => total + (report ? of(report) : 0), 0);
  const connections = sum(({ after }) => after.connections);
  const handshakes = sum(({ after }) => after.handshakes);
  const broken = reports.flatMap((report) => report?.broken ?? ['ended early']);
  if (connections < DONE.connections * scale || handshakes < DONE.handshakes * scale) broken.push('too few connections');
  out(JSON.stringify({ scale, seconds, rounds: sum(({ rounds }) => rounds), connections, handshakes, broken }));
  return broken.length === 0 ? 0 : 1;
}

async function part(scale: number, only: readonly string[]): Promise<number> {
  const churns = CHURNS.filter(({ name }) => only.includes(name));
  const started = performance.now();
  using load = await LoadProcess.start();
  await using world = await startWorld(load.ports);
  const baseline = await churn(world, load, churns, scale * WARM_UP_SHARE);
  const after = await churn(world, load, churns, scale);
  const grown = growth(baseline, after);
  const broken = (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).filter((key) => grown[key] > BOUNDS[key]);
  const seconds = Math.round((performance.now() - started) / 1000);
  const rounds = churns.reduce((sum, { rounds: full }) => sum + roundsOf(full, scale), 0);
  out(JSON.stringify({ scale, seconds, rounds, baseline, after, growth: grown, bounds: BOUNDS, broken }));
  return broken.length === 0 ? 0 : 1;
}

dieLoudly('proxies');
process.exitCode = await main(process.argv.slice(2));
