// Load by h2load, with its log of every request for the percentiles.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../child.ts';
import type { LoadGenerator } from './load.ts';
import { percentile, runProgram } from './run-program.ts';

export const h2loadLoad: LoadGenerator = {
  name: 'h2load',
  async run({ protocol, port, connections, streams, seconds }) {
    const directory = mkdtempSync(join(tmpdir(), 'weft-bench-h2load-'));
    const log = join(directory, 'log');
    try {
      const version = protocol === 'h1' ? ['--h1'] : [];
      const args = [...version, '-t1', `-c${connections}`, `-m${streams}`, '-D', String(seconds), `--log-file=${log}`, `http://127.0.0.1:${port}/`];
      const text = await runProgram(findProgram('h2load') ?? 'h2load', args, seconds);
      const counted = /^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(text)?.slice(1).map(Number) ?? [];
      const [, took = ''] = /^finished in ([\d.]+)s/m.exec(text) ?? [];
      // Start in microseconds, status, duration in microseconds.
      const times = readFileSync(log, 'utf8')
        .split('\n')
        .flatMap((line) => {
          const [, status, duration] = line.split('\t');
          return status === '200' ? [Number(duration) / 1000] : [];
        });
      const sorted = Float64Array.from(times).sort();
      const [requests = 0, failed = 0] = counted;
      return { requests, errors: failed, seconds: Number(took), p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
