// /proxy-log-level: what is logged, read and changed while the process runs. spec/proxy.md §9.8.
import { isLoopbackIp } from '@weft/core';
import type { LocalResponse } from '@weft/http';
import type { LogThreshold } from '@weft/process';
import type { AdminRoute } from '../ports.ts';
import { logFilter } from './config/syntax.ts';

export interface LogLevelOptions {
  /** In force from the start. */
  readonly filter: string;
  /** Applies another one, in every thread. */
  readonly apply: (level: LogThreshold) => void;
}

export function logLevelRoute({ filter, apply }: LogLevelOptions): AdminRoute {
  let current = filter;
  // A process that was started without a log has none, whatever is asked later.
  const off = thresholdOf(filter) === 'off';
  return {
    path: '/proxy-log-level',
    async handle({ method }, clientIp, body) {
      if (!isLoopbackIp(clientIp)) return text(403, 'only clients of this pod may see or change what is logged\n');
      if (off) return text(404, 'logging is off\n');
      if (method === 'GET') return text(200, current);
      if (method !== 'PUT') return text(405, 'method not allowed\n', ['allow', 'GET, PUT']);
      const wanted = (await body())?.toString('utf8').trim();
      const threshold = wanted === undefined ? undefined : thresholdOf(wanted);
      if (wanted === undefined || threshold === undefined) return text(400, `not a ${logFilter.form}\n`);
      current = wanted;
      apply(threshold);
      return { status: 204, headers: [] };
    },
  };
}

function thresholdOf(filter: string): LogThreshold | undefined {
  const parsed = logFilter.parse(filter);
  return parsed.ok ? parsed.value : undefined;
}

function text(status: number, body: string, headers: readonly string[] = []): LocalResponse {
  return { status, headers: ['content-type', 'text/plain', ...headers], body: Buffer.from(body) };
}
