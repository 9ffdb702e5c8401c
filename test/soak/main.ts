// `npm run soak`: long churns through two proxies in this process; afterwards descriptors, sockets and heap must be what they were.
// Prints one JSON object as its last line; exit status 1 where a bound does not hold.
import { floatFlag, listFlag, parseFlags, renderUsage } from '@weft/process';
import { type Churn, runRounds } from './churn.ts';
import { aborted } from './churns/aborted.ts';
import { exchanges } from './churns/exchanges.ts';
import { halfClosed } from './churns/half-closed.ts';
import { streams } from './churns/streams.ts';
import { type Resources, settled } from './resources.ts';
import { type SoakWorld, startWorld } from './world.ts';

const CHURNS: readonly Churn[] = [exchanges, aborted, streams, halfClosed];

const SPEC = {
  scale: floatFlag({ default: Number(process.env['SOAK_SCALE'] ?? 1), help: 'share of the rounds (also SOAK_SCALE); 0.1 takes a minute' }),
  only: listFlag({ default: [], help: 'names of churns' }),
};

/** What may be left over after all rounds, beside the baseline taken after a tenth of them. */
const BOUNDS = { descriptors: 4, sockets: 4, heapMib: 6, externalMib: 4, openConnections: 4 } as const;
/** Before the baseline: code is compiled, tables and buffers have their size. */
const WARM_UP_SHARE = 0.1;
/** Pools keep an idle connection for three seconds. */
const SETTLE_MS = 20_000;

const out = (text: string): void => void process.stdout.write(`${text}\n`);

async function churn(world: SoakWorld, churns: readonly Churn[], share: number): Promise<Resources> {
  for (const one of churns) {
    const running = one.start(world);
    try {
      await runRounds(Math.ceil(one.rounds * share), one.width, (index) => running.round(index));
    } finally {
      running.close();
    }
    world.forget();
  }
  return settled(SETTLE_MS);
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(SPEC, argv);
  if (parsed.kind !== 'ok') {
    out(parsed.kind === 'errors' ? parsed.errors.join('\n') : renderUsage(SPEC, { name: 'npm run soak --' }));
    return parsed.kind === 'errors' ? 64 : 0;
  }
  const { scale, only } = parsed.values;
  const churns = CHURNS.filter(({ name }) => only.length === 0 || only.includes(name));
  const started = performance.now();
  await using world = await startWorld();
  const baseline = await churn(world, churns, scale * WARM_UP_SHARE);
  const openBefore = world.openConnections();
  const after = await churn(world, churns, scale);
  const growth = {
    descriptors: after.descriptors - baseline.descriptors,
    sockets: after.sockets - baseline.sockets,
    heapMib: after.heapMib - baseline.heapMib,
    externalMib: after.externalMib - baseline.externalMib,
    openConnections: world.openConnections() - openBefore,
  };
  const broken = (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).filter((key) => growth[key] > BOUNDS[key]);
  const seconds = Math.round((performance.now() - started) / 1000);
  const rounds = Object.fromEntries(churns.map(({ name, rounds: full }) => [name, Math.ceil(full * scale)]));
  out(JSON.stringify({ scale, seconds, rounds, requests: world.requests(), baseline, after, growth, bounds: BOUNDS, broken }));
  return broken.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
