// Admin paths that belong to the process: /shutdown and /env.json. spec/proxy.md §9.8.
import { isLoopbackIp } from '@weft/core';
import { field, type LocalResponse, type RequestHead } from '@weft/http';
import type { AdminRoute } from '../ports.ts';
import type { Environment } from './config/read-variables.ts';

export interface ProcessRoutesOptions {
  readonly env: Environment;
  /** Absent: `/shutdown` does not exist. */
  readonly shutdown?: (() => void) | undefined;
}

export function processRoutes({ env, shutdown }: ProcessRoutesOptions): readonly AdminRoute[] {
  return [
    { path: '/env.json', handle: (request) => envJson(request, env) },
    {
      path: '/shutdown',
      handle(request, clientIp) {
        if (!shutdown) return text(404, 'shutdown endpoint is not enabled\n');
        if (request.method !== 'POST') return text(405, 'method not allowed\n', ['allow', 'POST']);
        if (!isLoopbackIp(clientIp)) return text(403, 'only clients of this pod may shut it down\n');
        shutdown();
        return text(200, 'shutdown\n');
      },
    },
  ];
}

/** Every variable, or those named by the query; null for one that is not set. */
function envJson(request: RequestHead, env: Environment): LocalResponse {
  if (request.method !== 'GET') return text(405, 'method not allowed\n', ['allow', 'GET']);
  if (!acceptsJson(field(request.headers, 'accept'))) return text(406, 'only application/json can be sent\n');
  const query = request.path.split('?', 2)[1] ?? '';
  if (query.includes('=')) return text(400, 'the query is a list of names: ?A&B\n');
  const names = query === '' ? Object.keys(env) : query.split('&').filter((name) => name !== '');
  const chosen = Object.fromEntries(names.map((name) => [name, env[name] ?? null]));
  return { status: 200, headers: ['content-type', 'application/json'], body: Buffer.from(JSON.stringify(chosen)) };
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  return accept.split(',').some((range) => /^\s*(\*\/\*|application\/(\*|json))\s*(;|$)/i.test(range));
}

function text(status: number, body: string, headers: readonly string[] = []): LocalResponse {
  return { status, headers: ['content-type', 'text/plain', ...headers], body: Buffer.from(body) };
}
