// Load by h2load, with its log of every request for the percentiles.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../processes/child.ts';
import { runProgram } from '../processes/run-program.ts';
import { GRPC_MESSAGE, GRPC_PATH, type LoadGenerator, type LoadResult } from './load.ts';
import { percentile } from './percentile.ts';

export const h2loadLoad: LoadGenerator = {
  name: 'h2load',
  async run({ protocol, port, connections, streams, seconds, rate, grpc = false }) {
    const directory = mkdtempSync(join(tmpdir(), 'weft-bench-h2load-'));
    const log = join(directory, 'log');
    try {
      const args = ['-t1', `-c${connections}`, `-m${streams}`, `-D${Math.round(seconds * 1000)}ms`, `--log-file=${log}`];
      if (protocol === 'h1') args.push('--h1');
      // Of each connection, as whole numbers.
      if (rate !== undefined) args.push(`--rps=${Math.max(1, Math.round(rate / connections))}`);
      if (grpc) {
        const message = join(directory, 'message');
        writeFileSync(message, GRPC_MESSAGE);
        args.push(`-d${message}`, '-Hcontent-type: application/grpc', '-Hte: trailers');
      }
      const text = await runProgram(findProgram('h2load') ?? 'h2load', [...args, `http://127.0.0.1:${port}${grpc ? GRPC_PATH : '/'}`], seconds);
      return parseH2load(text, readFileSync(log, 'utf8'));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

const SECONDS: Readonly<Record<string, number>> = { s: 1, ms: 0.001, us: 0.000_001 };
/** What h2load says of an HTTP/1 status line without a reason phrase, which is a good one (RFC 9112 §4): it takes it for failed. */
const UNREAD = '0';

/** Lines of the log: start in microseconds, status, duration in microseconds. */
export function parseH2load(text: string, log: string): LoadResult {
  const numbers = (line: RegExp): number[] => line.exec(text)?.slice(1).map(Number) ?? [];
  const [, took = '', unit = ''] = /^finished in ([\d.]+)(s|ms|us),/m.exec(text) ?? [];
  const [succeeded = Number.NaN, failed = 0, errored = 0] = numbers(/^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored/m);
  const refused = numbers(/^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m).reduce((sum, count) => sum + count, 0);
  const unread = Math.max(0, failed - errored - refused);
  const times = log.split('\n').flatMap((line) => {
    const [, status = '', duration] = line.split('\t');
    return status === '200' || status === UNREAD ? [Number(duration) / 1000] : [];
  });
  const sorted = Float64Array.from(times).sort();
  return {
    requests: succeeded + unread,
    errors: failed - unread,
    seconds: Number(took) * (SECONDS[unit] ?? Number.NaN),
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}
