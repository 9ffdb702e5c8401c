// What every case of the engine suite stands on: the engine between real TCP sockets, and the closing of everything afterwards.

import { createServer, type RequestListener } from 'node:http';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type {
  Exchange,
  ExchangeObserver,
  ExchangeOutcome,
  ForwardFailure,
  ForwardRules,
  HttpEngine,
  ServeOptions,
  ServerConnection,
  Upstream,
  UpstreamOptions,
} from '@weft/http';
import { dialPort, type Listening, listen, Peer } from './peer.ts';

export type Version = 'http/1' | 'http/2';

export interface ProxyOptions {
  readonly client: Version;
  readonly server: Version;
  /** Port of the origin. */
  readonly origin: number;
  readonly rules?: Partial<ForwardRules>;
  readonly serve?: Partial<ServeOptions>;
  readonly upstream?: Partial<UpstreamOptions>;
  /** Instead of forwarding. */
  readonly onExchange?: (exchange: Exchange, proxy: Proxy) => void;
}

export interface Proxy {
  readonly port: number;
  readonly upstream: Upstream;
  readonly rules: ForwardRules;
  readonly connections: readonly ServerConnection[];
  readonly sockets: readonly Socket[];
  /** One list of observer calls per exchange. */
  readonly watched: readonly Watched[];
  readonly failures: readonly ForwardFailure[];
  /** Upstream connections dialled. */
  readonly dials: readonly Socket[];
  forward(exchange: Exchange): void;
}

export class Watched implements ExchangeObserver {
  readonly calls: string[] = [];
  outcome: ExchangeOutcome | undefined;
  bytes = 0;
  requestBytes = 0;
  readonly ended: Promise<ExchangeOutcome>;
  #resolve: (outcome: ExchangeOutcome) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  sent(): void {
    this.calls.push('sent');
  }

  requestData(bytes: number): void {
    this.requestBytes += bytes;
  }

  requestEnd(): void {
    this.calls.push('requestEnd');
  }

  head(head: { status: number }): void {
    this.calls.push(`head ${head.status}`);
  }

  data(bytes: number): void {
    if (this.bytes === 0) this.calls.push('data');
    this.bytes += bytes;
  }

  trailers(trailers: readonly string[]): void {
    this.calls.push(`trailers ${trailers.join(' ')}`);
  }

  end(outcome: ExchangeOutcome): void {
    this.calls.push(`end ${outcome.kind}`);
    this.outcome = outcome;
    this.#resolve(outcome);
  }
}

export class Bench {
  readonly engine: HttpEngine;
  readonly #closers: (() => unknown)[] = [];
  #closed = false;

  constructor(engine: HttpEngine) {
    this.engine = engine;
  }

  defer(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** Waits turn by turn; rejects once the case is over, so that no gap leaves a loop behind. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#closed) throw new Error('the case is over');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async listen(onSocket: (socket: Socket) => void): Promise<Listening> {
    const server = await listen(onSocket);
    this.defer(() => server.close());
    return server;
  }

  /** The engine between clients and one origin. */
  async proxy(options: ProxyOptions): Promise<Proxy> {
    const connections: ServerConnection[] = [];
    const sockets: Socket[] = [];
    const watched: Watched[] = [];
    const failures: ForwardFailure[] = [];
    const dials: Socket[] = [];
    const upstream = this.engine.upstream({
      version: options.server,
      dial: async () => {
        const socket = await dialPort(options.origin);
        dials.push(socket);
        return socket;
      },
      ...options.upstream,
    });
    this.defer(() => upstream.destroy());
    const rules: ForwardRules = {
      origProto: 'none',
      failed: (exchange, failure) => {
        failures.push(failure);
        if (failure.kind === 'reset' && exchange.request.version === '2') exchange.reset(failure.code);
        else exchange.respond({ status: 502, headers: ['l5d-proxy-error', failure.kind] });
      },
      ...options.rules,
    };
    const forward = (exchange: Exchange): void => {
      const observer = new Watched();
      watched.push(observer);
      exchange.forward(upstream, rules, observer);
    };
    const server = await this.listen((socket) => {
      sockets.push(socket);
      connections.push(
        this.engine.serve(socket, { version: options.client, ...options.serve }, (exchange) => (options.onExchange ?? forward)(exchange, proxy)),
      );
    });
    const proxy: Proxy = { port: server.port, upstream, rules, connections, sockets, watched, failures, dials, forward };
    return proxy;
  }

  /** An HTTP/1 origin whose bytes the test writes itself. */
  async rawOrigin(onPeer: (peer: Peer, index: number) => unknown): Promise<{ readonly port: number; readonly peers: readonly Peer[] }> {
    const peers: Peer[] = [];
    const { port } = await this.listen((socket) => {
      const peer = new Peer(socket);
      peers.push(peer);
      void (async () => onPeer(peer, peers.length - 1))().catch(() => socket.destroy());
    });
    return { port, peers };
  }

  async rawClient(port: number): Promise<Peer> {
    const socket = await dialPort(port);
    this.defer(() => socket.destroy());
    return new Peer(socket);
  }

  async http1Origin(handler: RequestListener): Promise<number> {
    const server = createServer({ keepAliveTimeout: 0 }, handler);
    const { port } = await this.listen((socket) => void server.emit('connection', socket));
    return port;
  }

  async http2Origin(onStream: (stream: ServerHttp2Stream, headers: Record<string, unknown>, raw: readonly string[]) => void): Promise<Http2Origin> {
    const server = createHttp2Server();
    const sessions: ServerHttp2Session[] = [];
    server.on('session', (session) => {
      sessions.push(session);
      session.on('error', () => undefined);
    });
    server.on('stream', (stream, headers, ...rest: readonly unknown[]) => {
      stream.on('error', () => undefined);
      onStream(stream, headers, rest[1] as string[]);
    });
    const { port } = await this.listen((socket) => void server.emit('connection', socket));
    this.defer(() => sessions.forEach((session) => session.destroy()));
    return { port, sessions };
  }

  http2Client(port: number): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => undefined);
    this.defer(() => session.destroy());
    return session;
  }
}

export interface Http2Origin {
  readonly port: number;
  readonly sessions: readonly ServerHttp2Session[];
}
