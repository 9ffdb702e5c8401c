// HTTP/1.1 to one API server on node:http and node:https, over kept-alive connections.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type tls from 'node:tls';
import type { Clock, Timer } from '@weft/core';
import { dialWith } from './dial.ts';
import { KubeError } from './kube-error.ts';

export interface TransportOptions {
  /** `http://host:port` or `https://host:port`, a path prefix allowed. */
  readonly server: string;
  /** PEM; a function is asked for each connection. Without it: Node's own authorities. */
  readonly ca?: string | (() => string);
  /** Name to verify instead of the host of `server`. */
  readonly tlsServerName?: string;
  /** Accept any certificate. Only for a kubeconfig that says so. */
  readonly insecureSkipTlsVerify?: boolean;
  /** Opens the connection instead of TCP to the host of `server`. */
  readonly dial?: () => Promise<Duplex>;
  /** How long a connection may take to be made, its TLS handshake included, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** How long a response head may take, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM of a client certificate and its key; others than before are shown on connections of their own. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface Transport {
  /** Resolves with the response head; the body is still to be read. */
  send(request: TransportRequest): Promise<http.IncomingMessage>;
  close(): void;
}

/** Idle connections kept for later requests. */
const MAX_FREE_SOCKETS = 8;

export function createTransport(options: TransportOptions): Transport {
  const base = parseServer(options.server);
  const secure = base.protocol === 'https:';
  const prefix = base.pathname.replace(/\/$/, '');
  const host = base.hostname.replace(/^\[|\]$/g, '');
  const { clock, ca, connectTimeoutMs, requestTimeoutMs } = options;
  const fixed: tls.ConnectionOptions = {
    ...(options.tlsServerName === undefined ? {} : { servername: options.tlsServerName }),
    rejectUnauthorized: options.insecureSkipTlsVerify !== true,
  };
  const agent = secure
    ? new https.Agent({ keepAlive: true, maxFreeSockets: MAX_FREE_SOCKETS })
    : new http.Agent({ keepAlive: true, maxFreeSockets: MAX_FREE_SOCKETS });
  if (options.dial) dialWith(agent, options.dial, secure ? { ...fixed, host, servername: options.tlsServerName ?? (net.isIP(host) ? '' : host) } : undefined);
  let closed = false;
  let shown = '';
  const open = new Map<http.ClientRequest, (error: KubeError) => void>();

  /** The agent keeps connections apart by these; idle ones of an earlier certificate or authority are of no use any more. */
  const tlsOptions = ({ cert, key }: TransportRequest): tls.ConnectionOptions => {
    if (!secure) return {};
    const authority = typeof ca === 'function' ? ca() : ca;
    const now = `${authority ?? ''}\n${cert ?? ''}`;
    if (now !== shown) for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    shown = now;
    return {
      ...fixed,
      ...(authority === undefined ? {} : { ca: authority }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
  };

  const attempt = (wanted: TransportRequest, retriable: boolean): Promise<http.IncomingMessage> => {
    const { method, path, headers, body, signal } = wanted;
    const what = `${method} ${path}`;
    if (closed || signal?.aborted === true) return Promise.reject(new KubeError('UNREACHABLE', `${what}: ${closed ? 'the client is closed' : 'given up'}`));
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).request({
        agent,
        method,
        host,
        ...(base.port === '' ? {} : { port: base.port }),
        path: prefix + path,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
        ...tlsOptions(wanted),
      });
      let answer: http.IncomingMessage | undefined;
      // A request that has no connection yet says nothing when it is destroyed.
      const fail = (error: KubeError): void => {
        settle();
        reject(error);
        // An answer that is here whole has given its connection back, or is about to: nobody listens to that for errors.
        if (answer?.complete !== true) request.destroy(error);
      };
      const onAbort = (): void => fail(new KubeError('UNREACHABLE', `${what}: given up`, { cause: signal?.reason }));
      const give = (afterMs: number, message: string): Timer =>
        clock.after(afterMs, () => fail(new KubeError('TIMEOUT', `${what}: ${message} within ${afterMs} ms`)));
      const head = give(requestTimeoutMs, 'no answer');
      const connection = give(connectTimeoutMs, 'no connection');
      let isSettled = false;
      const settle = (): void => {
        isSettled = true;
        head.cancel();
        connection.cancel();
      };
      open.set(request, fail);
      signal?.addEventListener('abort', onAbort, { once: true });
      request.once('socket', (socket) => {
        const isMade = request.reusedSocket || options.dial !== undefined || !socket.connecting;
        if (isMade) connection.cancel();
        else socket.once(secure ? 'secureConnect' : 'connect', () => connection.cancel());
      });
      request.once('close', () => {
        open.delete(request);
        signal?.removeEventListener('abort', onAbort);
        settle();
      });
      request.once('response', (response) => {
        settle();
        answer = response;
        resolve(response);
      });
      request.on('error', (error) => {
        // After the head it is the reader of the body who hears of it.
        if (isSettled) return;
        settle();
        // A kept connection that the server closed meanwhile says nothing about the server.
        if (retriable && request.reusedSocket && !(error instanceof KubeError)) resolve(attempt(wanted, false));
        else reject(error instanceof KubeError ? error : new KubeError('UNREACHABLE', `${what}: ${error.message}`, { cause: error }));
      });
      request.end(body);
    });
  };

  return {
    send: (request) => attempt(request, request.method === 'GET'),
    close() {
      closed = true;
      for (const fail of open.values()) fail(new KubeError('UNREACHABLE', 'the client is closed'));
      agent.destroy();
    },
  };
}

function parseServer(server: string): URL {
  const base = URL.canParse(server) ? new URL(server) : undefined;
  if (base?.protocol !== 'http:' && base?.protocol !== 'https:') throw new KubeError('CONFIG', `server ${server} is not an http or https URL`);
  return base;
}
