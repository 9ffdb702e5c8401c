// HTTP/1.1 to one API server on node:http and node:https, over kept-alive connections.
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Clock } from '@weft/core';
import { KubeError } from './kube-error.ts';

export interface TransportOptions {
  /** `http://host:port` or `https://host:port`, a path prefix allowed. */
  readonly server: string;
  /** PEM. Without it: Node's own authorities. */
  readonly ca?: string;
  /** PEM, client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Name to verify instead of the host of `server`. */
  readonly tlsServerName?: string;
  /** Accept any certificate. Only for a kubeconfig that says so. */
  readonly insecureSkipTlsVerify?: boolean;
  /** Opens the connection instead of TCP to the host of `server`. */
  readonly dial?: () => Promise<Duplex>;
  /** How long a response head may take, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface Transport {
  /** Resolves with the response head; the body is still to be read. */
  send(request: TransportRequest): Promise<http.IncomingMessage>;
  close(): void;
}

type Oncreate = (error: Error | null, socket?: Duplex) => void;

export function createTransport(options: TransportOptions): Transport {
  const base = parseServer(options.server);
  const secure = base.protocol === 'https:';
  const prefix = base.pathname.replace(/\/$/, '');
  const tlsOptions: tls.ConnectionOptions = {
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.cert === undefined ? {} : { cert: options.cert }),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.tlsServerName === undefined ? {} : { servername: options.tlsServerName }),
    rejectUnauthorized: options.insecureSkipTlsVerify !== true,
  };
  const agent = secure ? new https.Agent({ keepAlive: true, maxFreeSockets: 8, ...tlsOptions }) : new http.Agent({ keepAlive: true, maxFreeSockets: 8 });
  if (options.dial) dialWith(agent, options.dial, secure ? { ...tlsOptions, servername: options.tlsServerName ?? serverName(base.hostname) } : undefined);
  let closed = false;
  const open = new Set<http.ClientRequest>();

  return {
    send({ method, path, headers, body, signal }) {
      if (closed) return Promise.reject(new KubeError('UNREACHABLE', `${method} ${path}: the client is closed`));
      return new Promise((resolve, reject) => {
        const request = (secure ? https : http).request({
          agent,
          method,
          host: base.hostname.replace(/^\[|\]$/g, ''),
          ...(base.port === '' ? {} : { port: base.port }),
          path: prefix + path,
          headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
          ...(signal ? { signal } : {}),
        });
        open.add(request);
        const timer = options.clock.after(options.requestTimeoutMs, () => {
          request.destroy(new KubeError('TIMEOUT', `${method} ${path}: no answer within ${options.requestTimeoutMs} ms`));
        });
        request.once('close', () => {
          open.delete(request);
          timer.cancel();
        });
        request.once('response', (response) => {
          timer.cancel();
          resolve(response);
        });
        request.once('error', (error) => {
          timer.cancel();
          reject(error instanceof KubeError ? error : new KubeError('UNREACHABLE', `${method} ${path}: ${error.message}`, { cause: error }));
        });
        request.end(body);
      });
    },
    close() {
      closed = true;
      for (const request of open) request.destroy(new KubeError('UNREACHABLE', 'the client is closed'));
      agent.destroy();
    },
  };
}

function parseServer(server: string): URL {
  const base = URL.canParse(server) ? new URL(server) : undefined;
  if (base?.protocol !== 'http:' && base?.protocol !== 'https:') throw new KubeError('CONFIG', `server ${server} is not an http or https URL`);
  return base;
}

/** TLS names the peer by DNS name only; an address is verified through `host`. */
function serverName(host: string): string {
  return /^[\d.]+$/.test(host) || host.startsWith('[') ? '' : host;
}

/** Lets an agent take its connections from `dial`; the callback form of createConnection is what Node waits for. */
function dialWith(agent: http.Agent, dial: () => Promise<Duplex>, secure: tls.ConnectionOptions | undefined): void {
  const connect = (_options: unknown, oncreate: Oncreate): undefined => {
    dial().then(
      (stream) => {
        if (!secure) return oncreate(null, stream);
        const socket = tls.connect({ ...secure, socket: stream });
        socket.once('secureConnect', () => {
          socket.removeListener('error', oncreate);
          oncreate(null, socket);
        });
        socket.once('error', oncreate);
      },
      (error: unknown) => oncreate(error instanceof Error ? error : new Error(String(error))),
    );
    return undefined;
  };
  // A plain Duplex has none of the socket methods that keeping it alive calls.
  const keep = (stream: Duplex): boolean => 'setKeepAlive' in stream;
  Object.assign(agent, { createConnection: connect, keepSocketAlive: keep });
}
