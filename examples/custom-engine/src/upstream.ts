// Connections to one endpoint: the pool of a node:http agent that dials as the caller says (spec/proxy.md §4.2).
import { Agent, type ClientRequest, type ClientRequestArgs, request } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ForwardFailure, field, type RequestHead, type Upstream, type UpstreamOptions } from '@weft/http';
import { grouped } from './heads.ts';
import { AUTOMATIC } from './serve-http1.ts';

export class ProxyUpstream implements Upstream {
  inFlight = 0;
  readonly #version: UpstreamOptions['version'];
  readonly #pool: Pool;
  readonly #requests = new Set<ClientRequest>();

  constructor(options: UpstreamOptions) {
    this.#version = options.version;
    this.#pool = new Pool(options);
  }

  /** Why nothing can be sent. */
  obstacle(): ForwardFailure | undefined {
    if (this.#version === 'http/2') return { kind: 'connect', error: new Error('http2-proxy has no HTTP/2 upstreams') };
    return this.#pool.retired ? { kind: 'closed', error: new Error('the upstream is closed') } : undefined;
  }

  /** Sends the head. */
  request({ method, version, form, scheme = 'http', authority, path, headers }: RequestHead): ClientRequest {
    const target = form === 'absolute' ? `${scheme}://${authority}${path}` : path;
    const host = field(headers, 'host');
    // Not where to connect to, which the dialer knows: the name under which a connection is shared.
    const name = `${form === 'absolute' ? 'absolute ' : ''}${host}`;
    const outgoing = request({ agent: this.#pool, host: name, setHost: false, method, path: target, maxHeaderSize: 128 * 1024 });
    this.#requests.add(outgoing);
    outgoing.once('close', () => this.#requests.delete(outgoing));
    outgoing.maxHeadersCount = 0;
    outgoing.shouldKeepAlive = Boolean(host) && version !== '1.0';
    for (const automatic of AUTOMATIC) outgoing.removeHeader(automatic);
    for (const [field, value] of Object.entries(grouped(headers))) outgoing.setHeader(field, value);
    outgoing.flushHeaders();
    return outgoing;
  }

  close(): void {
    this.#pool.retire();
  }

  destroy(error = new Error('upstream destroyed')): void {
    this.#pool.retire();
    for (const outgoing of this.#requests) outgoing.destroy(error);
  }
}

class Pool extends Agent {
  retired = false;
  readonly #options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    super({ keepAlive: true, maxFreeSockets: Infinity });
    this.#options = options;
  }

  retire(): void {
    this.retired = true;
    for (const socket of this.#idle()) socket.destroy();
  }

  override createConnection(_options: ClientRequestArgs, done: (error: Error | null, link: Duplex) => void): undefined {
    this.#options.dial().then((link) => done(null, link), done as (error: Error) => void);
  }

  override keepSocketAlive(link: Duplex): boolean {
    const { maxIdle = 10_000, poolIdleMs = 3000 } = this.#options;
    if (this.retired || !(link instanceof Socket) || this.#idle().length >= maxIdle) return false;
    super.keepSocketAlive(link);
    link.setTimeout(poolIdleMs);
    return true;
  }

  override reuseSocket(link: Duplex, outgoing: ClientRequest): void {
    if (link instanceof Socket) link.setTimeout(0);
    super.reuseSocket(link, outgoing);
  }

  #idle(): Socket[] {
    return Object.values(this.freeSockets).flatMap((sockets) => sockets ?? []);
  }
}
