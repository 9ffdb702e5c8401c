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

/** Lines of the log: start in microseconds, status, duration in microseconds. */
export function parseH2load(text: string, log: string): LoadResult {
  const [, took = ''] = /^finished in ([\d.]+)(?:s|ms|us)/m.exec(text) ?? [];
  const [, unit = 's'] = /^finished in [\d.]+(s|ms|us)/m.exec(text) ?? [];
  const [requests = Number.NaN, failed = 0] = /^requests: .* (\d+) succeeded, (\d+) failed/m.exec(text)?.slice(1).map(Number) ?? [];
  const times = log.split('\n').flatMap((line) => {
    const [, status, duration] = line.split('\t');
    return status === '200' ? [Number(duration) / 1000] : [];
  });
  const sorted = Float64Array.from(times).sort();
  const seconds = Number(took) * ({ s: 1, ms: 0.001, us: 0.000001 }[unit] ?? Number.NaN);
  return { requests, errors: failed, seconds, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
}
