// What the admin listener answers. spec/proxy.md §9.8.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type MetricRegistry, renderSnapshots } from '@weft/core';
import { field, type LocalResponse, type RequestHead } from '@weft/http';
import type { AdminRoute, ProxyPorts } from '../ports.ts';

export interface AdminRoutesOptions {
  readonly registry: MetricRegistry;
  readonly otherMetrics: ProxyPorts['otherMetrics'];
  /** How long series that nothing writes are kept. */
  readonly retainIdleMs: number;
  /** Whether the first certificate is held. */
  readonly isReady: () => boolean;
  readonly routes: readonly AdminRoute[];
}

export type AdminHandler = (request: RequestHead, clientIp: string, body: () => Promise<Buffer | undefined>) => LocalResponse | Promise<LocalResponse>;

const gzipped = promisify(gzip);

export function adminRoutes(options: AdminRoutesOptions): AdminHandler {
  const builtIn: Readonly<Record<string, (request: RequestHead) => LocalResponse | Promise<LocalResponse>>> = {
    '/live': () => text(200, 'live\n'),
    '/ready': () => (options.isReady() ? text(200, 'ready\n') : text(503, 'not ready\n')),
    '/metrics': (request) => {
      options.registry.evictIdle(options.retainIdleMs);
      return metrics(request, options);
    },
  };
  const added = new Map(options.routes.map((route) => [route.path, route]));
  return (request, clientIp, body) => {
    const path = request.path.split('?', 1)[0] ?? '';
    const route = added.get(path);
    if (route) return route.handle(request, clientIp, body);
    const handler = Object.hasOwn(builtIn, path) ? builtIn[path] : undefined;
    if (!handler) return text(404, 'not found\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, headers: ['allow', 'GET'] };
    return handler(request);
  };
}

async function metrics(request: RequestHead, { registry, otherMetrics, retainIdleMs }: AdminRoutesOptions): Promise<LocalResponse> {
  const others = await otherMetrics?.(retainIdleMs);
  const body = Buffer.from(others ? renderSnapshots([registry.snapshot(), ...others]) : registry.render());
  if (!acceptsGzip(request)) return { status: 200, headers: ['content-type', 'text/plain'], body };
  return { status: 200, headers: ['content-type', 'text/plain', 'content-encoding', 'gzip'], body: await gzipped(body) };
}

function acceptsGzip(request: RequestHead): boolean {
  const accepted = field(request.headers, 'accept-encoding') ?? '';
  return accepted.split(',').some((one) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(one));
}

function text(status: number, body: string): LocalResponse {
  return { status, headers: ['content-type', 'text/plain'], body: Buffer.from(body) };
}
