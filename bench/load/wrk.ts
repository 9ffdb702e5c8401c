// HTTP/1.1 load by wrk.
import { findProgram } from '../processes/child.ts';
import { runProgram } from '../processes/run-program.ts';
import type { LoadGenerator, LoadResult } from './load.ts';

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

export const wrkLoad: LoadGenerator = {
  name: 'wrk',
  async run({ port, connections, seconds }) {
    const args = ['-t1', `-c${connections}`, `-d${Math.ceil(seconds)}s`, '--latency', `http://127.0.0.1:${port}/`];
    return parseWrk(await runProgram(findProgram('wrk') ?? 'wrk', args, seconds));
  },
};

export function parseWrk(text: string): LoadResult {
  const [, total = '', took = '', tookUnit = ''] = /^\s*(\d+) requests in ([\d.]+)(us|ms|s|m),/m.exec(text) ?? [];
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const latency = (share: string): number => {
    const [, value = '', unit = ''] = new RegExp(`^\\s*${share}%\\s+([\\d.]+)(us|ms|s|m)`, 'm').exec(text) ?? [];
    return Number(value) * (UNIT_MS[unit] ?? Number.NaN);
  };
  return {
    requests: (total === '' ? Number.NaN : Number(total)) - refused,
    errors: refused + socketErrors.reduce((sum, count) => sum + Number(count), 0),
    seconds: (Number(took) * (UNIT_MS[tookUnit] ?? Number.NaN)) / 1000,
    p50Ms: latency('50'),
    p99Ms: latency('99'),
  };
}
