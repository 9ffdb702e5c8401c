// The admin server that every process has: liveness, readiness, metrics. spec/control-plane.md §0, spec/proxy.md §9.1, §9.8.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Logger, type MetricRegistry, type SocketAddress, silentLogger } from '@weft/core';
import { boundAddress, type ListenAddress } from '../flags/listen-address.ts';
import { processMetrics } from './process-metrics.ts';

export interface AdminHandlerOptions {
  readonly registry: MetricRegistry;
  /** Asked per request. Default: always ready. */
  readonly ready?: () => boolean;
  /** Which counterpart's answers `/ready` gives: `controller` 200 `ok` or 500, `proxy` 200 `ready` or 503. Default controller. */
  readonly style?: 'controller' | 'proxy';
  /** Show `process_*` and `nodejs_*` too. Default true. */
  readonly processMetrics?: boolean;
  /** Series of evictable families that were not written for so long are dropped at a scrape. Default: never. */
  readonly retainIdleMs?: number;
  /** More paths, exact, without query. They answer every method themselves. */
  readonly routes?: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>;
}

export interface AdminOptions extends AdminHandlerOptions {
  readonly listen: ListenAddress;
  /** Until a request's head is complete, in milliseconds. Default 15,000. */
  readonly headerTimeoutMs?: number;
  readonly logger?: Logger;
}

export interface Admin {
  readonly address: SocketAddress;
  /** Stops listening and ends idle and running connections. */
  close(): Promise<void>;
}

const compress = promisify(gzip);
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The same as a request listener, for processes that bring their own server. */
export function adminHandler(options: AdminHandlerOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { registry, ready = () => true, style = 'controller', routes = {}, retainIdleMs } = options;
  const [readyText, unreadyStatus] = style === 'controller' ? ['ok\n', 500] : ['ready\n', 503];

  const metrics = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (retainIdleMs !== undefined) registry.evictIdle(retainIdleMs);
    const text = registry.render() + (options.processMetrics === false ? '' : await processMetrics().metrics());
    if (!acceptsGzip(request.headers['accept-encoding'])) return send(response, 200, text, { 'content-type': METRICS_TYPE, vary: 'accept-encoding' });
    const body = await compress(text);
    send(response, 200, body, { 'content-type': METRICS_TYPE, 'content-encoding': 'gzip', vary: 'accept-encoding' });
  };

  return (request, response) => {
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route) route(request, response);
    else if (path === '/metrics') {
      metrics(request, response).catch((error: unknown) => send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`));
    } else if (path === '/live') send(response, 200, 'live\n');
    else if (path === '/ping' && style === 'controller') send(response, 200, 'pong\n');
    else if (path === '/ready') {
      const isReady = ready();
      send(response, isReady ? 200 : unreadyStatus, isReady ? readyText : 'not ready\n');
    } else send(response, 404, 'not found\n');
  };
}

/** Resolves when listening; rejects when the address cannot be bound. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { listen, headerTimeoutMs = 15_000, logger = silentLogger } = options;
  const server = createServer(
    { headersTimeout: headerTimeoutMs, requestTimeout: headerTimeoutMs * 2, connectionsCheckingInterval: Math.min(1000, headerTimeoutMs / 2) },
    adminHandler(options),
  );
  server.on('clientError', (error, socket) => {
    logger.log('debug', 'a request to the admin server could not be read', { error });
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    else socket.destroy();
  });
  server.listen({ port: listen.port, ...(listen.host !== undefined && { host: listen.host }) });
  await once(server, 'listening');
  server.on('error', (error) => logger.log('error', 'the admin server failed', { error }));
  const address = boundAddress(server.address() as AddressInfo);
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'text/plain; charset=utf-8' },
): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Whether `accept-encoding` lists gzip and does not forbid it. RFC 9110 §12.5.3. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  for (const item of String(header ?? '').split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (coding === 'gzip') return !parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter));
  }
  return false;
}
