// An observer of a proxy: gRPC over mesh TLS, as the tap service of the control plane calls it. spec/proxy.md §9.5.
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import { type ObserveRequest, type TapEvent, tapService } from '@weft/wire';
import { type MeshedPeer, tcpTo } from './meshed-peer.ts';
import type { ProxyProcess } from './proxy-process.ts';

export type Observed = { readonly kind: 'refused'; readonly code: number; readonly message: string } | Observing;

export interface Observing extends Disposable {
  readonly kind: 'observing';
  /** The next event, in order; undefined after the last. */
  next(): Promise<TapEvent | undefined>;
  /** So many, or all until the end. */
  take(count?: number): Promise<TapEvent[]>;
  /** Reads no more, and again. */
  pause(): void;
  resume(): void;
  /** Leaves. */
  cancel(): void;
}

/** Everything below a prefix of `/`. */
export const EVERYTHING: ObserveRequest = { limit: 100, match: { http: { path: { prefix: '/' } } }, extract: { http: {} } };

/** Resolves when the proxy observes, or refuses. `as`: undefined is plaintext. */
export async function observe(proxy: ProxyProcess, as: MeshedPeer | undefined, request: ObserveRequest = EVERYTHING): Promise<Observed> {
  const address = proxy.tapAddress;
  if (address === undefined) throw new Error('the proxy cannot be tapped');
  const tap = { identity: proxy.identity, inboundAddress: () => address };
  const socket: Duplex = as ? (await as.connect(tap, 4190)).socket : await tcpTo(address);
  // HTTP/2 has no half-closed connections: what the proxy ends is over, whether or not it had time to say so of each stream.
  socket.allowHalfOpen = false;
  const session = connectHttp2('http://tap:4190', { createConnection: () => socket });
  session.on('error', () => undefined);
  return call(session, request);
}

function call(session: ClientHttp2Session, request: ObserveRequest): Promise<Observed> {
  const { Observe } = tapService;
  const stream = session.request({ ':method': 'POST', ':path': Observe.path, 'content-type': 'application/grpc', te: 'trailers' });
  const events = new Events();
  stream.on('data', (chunk: Buffer) => events.receive(chunk));
  stream.on('error', () => undefined);
  stream.once('close', () => events.end());
  stream.end(framed(Observe.requestSerialize(request)));
  const observing: Observing = {
    kind: 'observing',
    next: () => events.next(),
    async take(count = Number.MAX_SAFE_INTEGER) {
      const taken: TapEvent[] = [];
      while (taken.length < count) {
        const event = await events.next();
        if (event === undefined) break;
        taken.push(event);
      }
      return taken;
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    cancel: () => stream.close(constants.NGHTTP2_CANCEL),
    [Symbol.dispose]: () => session.destroy(),
  };
  return new Promise((resolve, reject) => {
    session.once('close', () => reject(new Error('the connection was closed')));
    stream.once('response', (headers) => {
      const code = headers['grpc-status'];
      if (code === undefined) return resolve(observing);
      session.destroy();
      resolve({ kind: 'refused', code: Number(code), message: decodeURIComponent(String(headers['grpc-message'] ?? '')) });
    });
  });
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** gRPC messages as they come. */
class Events {
  readonly #events: TapEvent[] = [];
  readonly #waiting: ((event: TapEvent | undefined) => void)[] = [];
  #bytes = Buffer.alloc(0);
  #ended = false;

  receive(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 5) {
      const end = 5 + this.#bytes.readUInt32BE(1);
      if (this.#bytes.length < end) return;
      const event = tapService.Observe.responseDeserialize(this.#bytes.subarray(5, end));
      this.#bytes = this.#bytes.subarray(end);
      const waiting = this.#waiting.shift();
      if (waiting) waiting(event);
      else this.#events.push(event);
    }
  }

  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
  }

  next(): Promise<TapEvent | undefined> {
    const event = this.#events.shift();
    if (event !== undefined || this.#ended) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
