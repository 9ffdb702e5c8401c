// The body of `weft demo`: start, show or check, stop.
import { sleep, systemClock } from '@weft/core';
import { deploymentStats, type ProxyMetrics, scrapeProxies } from '@weft/mesh';
import { createLogger } from '@weft/process';
import { checkDemo, type Verdict } from './check-demo.ts';
import type { DemoFlags } from './flags.ts';
import { type Demo, NAMESPACE, startDemo } from './start-demo.ts';
import { renderTable } from './table.ts';

const CHECK_RATE = 40;
const SHOW_RATE = 5;
const REFRESH_MS = 1000;
/** Statistics are those of the last ten seconds. */
const WINDOW = 10;

export async function runDemoCommand(flags: DemoFlags): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(1));
      stop.abort();
    });
  }
  // The clock's timers do not hold the process; this does, until the demo has ended.
  const alive = setInterval(() => undefined, 60_000);
  try {
    process.exitCode = await demo(flags, stop.signal);
  } catch (error) {
    process.stderr.write(`weft demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    clearInterval(alive);
  }
}

async function demo(flags: DemoFlags, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say('starting the mesh …');
  const running = await startDemo({
    runtime: flags.runtime,
    rate: flags.rate ?? (flags.check ? CHECK_RATE : SHOW_RATE),
    port: flags.port,
    apiPort: flags.apiPort,
    ...(flags.journal === undefined ? {} : { journal: flags.journal }),
    logger: createLogger({ level: flags.verbose ? 'info' : 'warn', name: 'demo' }),
    ...(flags.verbose ? { onLine: (where: string, line: string) => say(`${where}: ${line}`) } : {}),
  });
  let verdict: Verdict | undefined;
  try {
    say(`the mesh is up after ${((performance.now() - started) / 1000).toFixed(1)} s (runtime ${running.mesh.runtime})`);
    if (signal.aborted) return 0;
    if (flags.check) verdict = await checkDemo(running.mesh, flags.seconds, (ms) => pause(ms, signal));
    else await show(running, signal);
  } finally {
    say('stopping …');
    await running.mesh.close();
  }
  return verdict ? conclude(verdict) : 0;
}

/** The report is the last thing that is written. */
function conclude({ report, problems }: Verdict): number {
  for (const problem of problems) process.stderr.write(`problem: ${problem}\n`);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return problems.length === 0 ? 0 : 1;
}

/** Redraws in place on a terminal; elsewhere writes a table every ten seconds. */
async function show({ mesh, pageUrl }: Demo, signal: AbortSignal): Promise<void> {
  const terminal = process.stdout.isTTY === true;
  process.stdout.write(`\n  demo page     ${pageUrl}\n  API server    kubectl --server ${mesh.apiServerUrl} get pods -A\n  Ctrl-C ends everything\n\n`);
  const history: { readonly at: number; readonly metrics: readonly ProxyMetrics[] }[] = [];
  let drawn = 0;
  for (let round = 0; !signal.aborted; round++) {
    const metrics = (await scrapeProxies(mesh)).filter(({ namespace }) => namespace === NAMESPACE);
    const now = { at: performance.now(), metrics };
    const first = history[0];
    if (first && (terminal || round % WINDOW === 0)) {
      const lines = renderTable(deploymentStats(first.metrics, metrics, (now.at - first.at) / 1000), { color: terminal });
      process.stdout.write(`${terminal && drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ''}${lines.join('\n')}\n`);
      drawn = lines.length;
    }
    history.push(now);
    if (history.length > WINDOW) history.shift();
    await pause(REFRESH_MS, signal);
  }
}

/** Resolves early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(systemClock(), ms, signal).catch(() => undefined);
}
