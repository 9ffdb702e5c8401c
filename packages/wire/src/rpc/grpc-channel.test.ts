import { once } from 'node:events';
import { createServer as createHttp2Server, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { manualClock } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { RpcCode, RpcError } from './channel.ts';
import { formatTimeout } from './grpc-call.ts';
import { type GrpcChannelOptions, grpcChannel } from './grpc-channel.ts';

const bytes = { serialize: (value: Buffer) => value, deserialize: (data: Buffer) => data };
const method = (name: string, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> => ({
  path: `/test.Test/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
});
const service = {
  Echo: method('Echo', false),
  Fail: method('Fail', false),
  Never: method('Never', false),
  Count: method('Count', true),
  Forever: method('Forever', true),
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const channelTo = (options: GrpcChannelOptions): ReturnType<typeof grpcChannel> => {
  const channel = grpcChannel({ backoff: { minMs: 1, maxMs: 20, jitter: 0 }, ...options });
  cleanups.push(() => channel.close());
  return channel;
};

interface Seen {
  /** Calls to `Never`. */
  waiting: number;
  cancelled: number;
  written: number;
  readonly sockets: Set<Duplex>;
}

/** A real grpc-js server behind a TCP or TLS listener of our own, so that connections can be cut. */
async function startServer(
  options: { readonly tls?: boolean; readonly serverOptions?: grpc.ServerOptions } = {},
): Promise<{ port: number; seen: Seen; stop: () => Promise<void> }> {
  const seen: Seen = { waiting: 0, cancelled: 0, written: 0, sockets: new Set() };
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1, ...options.serverOptions });
  server.addService(service as unknown as grpc.ServiceDefinition, {
    Echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => callback(null, call.request),
    Fail: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) => callback({ code: grpc.status.NOT_FOUND, details: 'nö: 100%' }),
    Never: (call: grpc.ServerUnaryCall<Buffer, Buffer>) => {
      seen.waiting++;
      call.on('cancelled', () => seen.cancelled++);
    },
    Count: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      for (let n = 0; n < call.request.readUInt32BE(0); n++) call.write(Buffer.from(String(n)));
      call.end();
    },
    Forever: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      call.on('cancelled', () => seen.cancelled++);
      const message = Buffer.alloc(64 * 1024);
      const pump = (): void => {
        while (!call.cancelled && !call.destroyed) {
          seen.written++;
          if (!call.write(message)) return void call.once('drain', pump);
        }
      };
      pump();
    },
  });
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const onSocket = (socket: Socket | TLSSocket): void => {
    seen.sockets.add(socket);
    socket.on('close', () => seen.sockets.delete(socket));
    socket.on('error', () => undefined);
    if ('alpnProtocol' in socket) socket.alpnProtocol = 'h2';
    injector.injectConnection(socket);
  };
  const listener: TcpServer = options.tls ? createTlsServer({ ...ANONYMOUS_TLS, dhparam: 'auto' }, onSocket) : createTcpServer(onSocket);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    const closed = once(listener, 'close');
    listener.close();
    for (const socket of seen.sockets) socket.destroy();
    injector.destroy();
    server.forceShutdown();
    await closed;
  };
  cleanups.push(stop);
  return { port: (listener.address() as AddressInfo).port, seen, stop };
}

/** TLS without certificates, so that the test needs none. */
const ANONYMOUS_TLS = { ciphers: 'ADH-AES256-GCM-SHA384:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const;

async function startHttp2(onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void): Promise<number> {
  const server: Http2Server = createHttp2Server();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    for (const session of sessions) session.destroy();
    const closed = once(server, 'close');
    server.close();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

const failure = async (promise: Promise<unknown>): Promise<RpcError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`expected an RpcError, got ${String(error)}`);
  return error;
};
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
const collect = async (stream: AsyncIterable<Buffer>): Promise<string[]> => {
  const all: string[] = [];
  for await (const message of stream) all.push(message.toString());
  return all;
};
const count = (n: number): Buffer => {
  const request = Buffer.alloc(4);
  request.writeUInt32BE(n, 0);
  return request;
};

describe.each([{ tls: false }, { tls: true }])('against a grpc-js server (TLS without ALPN: $tls)', ({ tls }) => {
  const open = (port: number): ReturnType<typeof grpcChannel> =>
    channelTo({
      target: `127.0.0.1:${port}`,
      ...(tls && {
        dial: async () => {
          const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, checkServerIdentity: () => undefined, ...ANONYMOUS_TLS });
          await once(socket, 'secureConnect');
          return socket;
        },
      }),
    });

  test('answers unary calls, empty and of 4 MiB', async () => {
    const { port } = await startServer({ tls });
    const channel = open(port);
    expect(await channel.unary(service.Echo, Buffer.from('hello'))).toEqual(Buffer.from('hello'));
    expect(await channel.unary(service.Echo, Buffer.alloc(0))).toHaveLength(0);
    const large = Buffer.alloc(4 * 1024 * 1024, 'x');
    expect((await channel.unary(service.Echo, large)).equals(large)).toBe(true);
  });

  test('delivers a stream in order and ends with it', async () => {
    const { port } = await startServer({ tls });
    const channel = open(port);
    expect(await collect(channel.serverStream(service.Count, count(1000)))).toEqual(Array.from({ length: 1000 }, (_, n) => String(n)));
    expect(await collect(channel.serverStream(service.Count, count(0)))).toEqual([]);
  });

  test('throws the status of the server', async () => {
    const { port } = await startServer({ tls });
    const error = await failure(open(port).unary(service.Fail, Buffer.alloc(0)));
    expect([error.code, error.message]).toEqual([RpcCode.NOT_FOUND, 'nö: 100%']);
    expect((await failure(open(port).unary(method('Unknown', false), Buffer.alloc(0)))).code).toBe(RpcCode.UNIMPLEMENTED);
  });

  test('uses one connection for many calls', async () => {
    const { port, seen } = await startServer({ tls });
    const channel = open(port);
    await Promise.all(Array.from({ length: 50 }, () => channel.unary(service.Echo, Buffer.from('x'))));
    expect(seen.sockets.size).toBe(1);
  });

  test('fails running calls when the connection dies, and connects again', async () => {
    const { port, seen } = await startServer({ tls });
    const channel = open(port);
    await channel.unary(service.Echo, Buffer.from('x'));
    const [unary, iterator] = [channel.unary(service.Never, Buffer.alloc(0)), channel.serverStream(service.Forever, Buffer.alloc(0))[Symbol.asyncIterator]()];
    await iterator.next();
    for (const socket of seen.sockets) socket.destroy();
    const drain = (async () => {
      while (!(await iterator.next()).done);
    })();
    expect((await failure(unary)).code).toBe(RpcCode.UNAVAILABLE);
    expect((await failure(drain)).code).toBe(RpcCode.UNAVAILABLE);
    expect((await iterator.next()).done).toBe(true);
    expect((await channel.unary(service.Echo, Buffer.from('again'))).toString()).toBe('again');
  });
});

describe('ending a call', () => {
  test('by signal cancels it at the server', async () => {
    const { port, seen } = await startServer();
    const channel = channelTo({ target: `127.0.0.1:${port}` });
    await channel.unary(service.Echo, Buffer.alloc(0));
    const controller = new AbortController();
    const call = channel.unary(service.Never, Buffer.alloc(0), { signal: controller.signal });
    setImmediate(() => controller.abort(new Error('enough')));
    const error = await failure(call);
    expect([error.code, error.cause]).toEqual([RpcCode.CANCELLED, new Error('enough')]);
    expect((await failure(channel.unary(service.Echo, Buffer.alloc(0), { signal: controller.signal }))).code).toBe(RpcCode.CANCELLED);
    expect((await channel.unary(service.Echo, Buffer.from('x'))).toString()).toBe('x');
    expect(seen.sockets.size).toBe(1);
  });

  test('by leaving the loop cancels it at the server', async () => {
    const { port, seen } = await startServer();
    const channel = channelTo({ target: `127.0.0.1:${port}` });
    for await (const message of channel.serverStream(service.Forever, Buffer.alloc(0))) {
      expect(message).toHaveLength(64 * 1024);
      break;
    }
    await until(() => seen.cancelled === 1);
  });

  test('by its deadline, which the server is told', async () => {
    const { port, seen } = await startServer();
    const clock = manualClock();
    const call = failure(channelTo({ target: `127.0.0.1:${port}`, clock }).unary(service.Never, Buffer.alloc(0), { timeoutMs: 50_000 }));
    await until(() => seen.waiting === 1);
    clock.advance(50_000);
    const error = await call;
    expect(error.code).toBe(RpcCode.DEADLINE_EXCEEDED);
    await until(() => seen.cancelled === 1);
    expect([formatTimeout(50), formatTimeout(0.2), formatTimeout(100_000_000), formatTimeout(-5)]).toEqual(['50m', '1m', '100000S', '1m']);
  });

  test('by closing the channel', async () => {
    const { port } = await startServer();
    const channel = channelTo({ target: `127.0.0.1:${port}` });
    await channel.unary(service.Echo, Buffer.alloc(0));
    const call = channel.unary(service.Never, Buffer.alloc(0));
    setImmediate(() => channel.close());
    expect((await failure(call)).code).toBe(RpcCode.UNAVAILABLE);
    expect((await failure(channel.unary(service.Echo, Buffer.alloc(0)))).code).toBe(RpcCode.UNAVAILABLE);
  });
});

test('a slow reader stops the server', async () => {
  const { port, seen } = await startServer();
  const iterator = channelTo({ target: `127.0.0.1:${port}` })
    .serverStream(service.Forever, Buffer.alloc(0))
    [Symbol.asyncIterator]();
  await iterator.next();
  // Both ends live in this event loop: many turns without a write mean that the server waits.
  let before = -1;
  for (let quiet = 0; quiet < 500; quiet = before === seen.written ? quiet + 1 : 0) {
    before = seen.written;
    await new Promise((resolve) => setImmediate(resolve));
  }
  // 64 KiB each: windows and buffers hold some hundred, not without end.
  expect(seen.written).toBeLessThan(400);
  for (let n = 0; n < before + 10; n++) expect((await iterator.next()).done).toBe(false);
  expect(seen.written).toBeGreaterThan(before);
  await iterator.return?.();
});

describe('connecting', () => {
  test('fails with UNAVAILABLE and the cause when nobody listens, and succeeds later', async () => {
    const probe = await startServer();
    await probe.stop();
    const channel = channelTo({ target: `ipv4:127.0.0.1:${probe.port}` });
    const error = await failure(channel.unary(service.Echo, Buffer.alloc(0)));
    expect([error.code, error.message]).toEqual([RpcCode.UNAVAILABLE, expect.stringContaining('ECONNREFUSED')]);
    const port = await startHttp2((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 1, 7]));
    });
    let attempts = 0;
    const flaky = channelTo({
      target: 'server:1',
      dial: async () => {
        if (++attempts < 4) throw new Error('not yet');
        const socket = connectTcp(port, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      },
    });
    for (let n = 0; n < 3; n++) expect((await failure(flaky.unary(service.Echo, Buffer.alloc(0)))).code).toBe(RpcCode.UNAVAILABLE);
    expect(await flaky.unary(service.Echo, Buffer.alloc(0))).toEqual(Buffer.from([7]));
  });

  test('waits between failures as the backoff says, and shares an attempt', async () => {
    const clock = manualClock();
    let attempts = 0;
    const channel = channelTo({
      target: 'server:1',
      clock,
      backoff: { minMs: 100, maxMs: 1000, jitter: 0 },
      dial: () => {
        attempts++;
        return Promise.reject(new Error('refused'));
      },
    });
    const call = (): Promise<RpcError> => failure(channel.unary(service.Echo, Buffer.alloc(0)));
    await Promise.all([call(), call(), call()]);
    expect(attempts).toBe(1);
    for (const wait of [100, 200, 400]) {
      const calls = [call(), call()];
      const before = attempts;
      await until(() => clock.pending > 0);
      clock.advance(wait - 1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(attempts).toBe(before);
      clock.advance(1);
      await Promise.all(calls);
      expect(attempts).toBe(before + 1);
    }
  });

  test('gives up on a peer that does not speak HTTP/2', async () => {
    const silent = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      cleanups.push(() => socket.destroy());
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanups.push(() => silent.close());
    const channel = channelTo({ target: `127.0.0.1:${(silent.address() as AddressInfo).port}`, connectTimeoutMs: 30 });
    const error = await failure(channel.unary(service.Echo, Buffer.alloc(0)));
    expect([error.code, error.message]).toEqual([RpcCode.UNAVAILABLE, expect.stringContaining('not connected within 30 ms')]);
  });

  test('opens another connection when the peer limits its streams', async () => {
    const { port, seen } = await startServer({ serverOptions: { 'grpc.max_concurrent_streams': 2 } });
    const channel = channelTo({ target: `127.0.0.1:${port}` });
    const iterators = Array.from({ length: 5 }, () => channel.serverStream(service.Forever, Buffer.alloc(0))[Symbol.asyncIterator]());
    await Promise.all(iterators.map((iterator) => iterator.next()));
    expect(seen.sockets.size).toBe(3);
    for (const iterator of iterators) await iterator.return?.();
  });

  test('refuses a target without port', () => {
    expect(() => grpcChannel({ target: 'web' })).toThrow(TypeError);
  });
});

describe('answers that are not quite gRPC', () => {
  const answer = async (onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void): Promise<RpcError> =>
    failure(channelTo({ target: `127.0.0.1:${await startHttp2(onStream)}` }).unary(service.Echo, Buffer.from('x')));
  const grpcHead = { ':status': 200, 'content-type': 'application/grpc' };

  test('trailers only carry the status', async () => {
    const error = await answer((stream) => stream.respond({ ...grpcHead, 'grpc-status': '7', 'grpc-message': 'no%20%way' }, { endStream: true }));
    expect([error.code, error.message]).toEqual([RpcCode.PERMISSION_DENIED, 'no%20%way']);
  });

  test.each([
    [503, RpcCode.UNAVAILABLE],
    [403, RpcCode.PERMISSION_DENIED],
    [404, RpcCode.UNIMPLEMENTED],
    [418, RpcCode.UNKNOWN],
  ])('HTTP status %d becomes code %d', async (status, code) => {
    const error = await answer((stream) => {
      stream.respond({ ':status': status, 'content-type': 'text/plain' });
      stream.end('a body that is not a message');
    });
    expect(error.code).toBe(code);
  });

  test.each([
    ['no status', RpcCode.UNKNOWN, []],
    ['a message cut off', RpcCode.INTERNAL, [0, 0, 0, 0, 9, 1]],
    ['a compressed message', RpcCode.INTERNAL, [1, 0, 0, 0, 1, 1]],
    ['a message that is too long', RpcCode.RESOURCE_EXHAUSTED, [0, 0xff, 0, 0, 0]],
    ['two messages', RpcCode.INTERNAL, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['no message', RpcCode.INTERNAL, []],
  ] as const)('%s becomes code %d', async (what, code, body) => {
    const error = await answer((stream) => {
      stream.respond(grpcHead, { waitForTrailers: what !== 'no status' });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from(body));
    });
    expect(error.code).toBe(code);
  });

  test.each([
    [7, RpcCode.UNAVAILABLE],
    [8, RpcCode.CANCELLED],
    [11, RpcCode.RESOURCE_EXHAUSTED],
    [2, RpcCode.INTERNAL],
  ])('a reset with %d becomes code %d', async (reset, code) => {
    expect((await answer((stream) => stream.close(reset))).code).toBe(code);
  });

  test('the request says what gRPC demands', async () => {
    let seen: IncomingHttpHeaders = {};
    const port = await startHttp2((stream, headers) => {
      seen = headers;
      stream.respond({ ...grpcHead, 'grpc-status': '0' }, { endStream: true });
    });
    await failure(channelTo({ target: `127.0.0.1:${port}`, userAgent: 'test/1' }).unary(service.Echo, Buffer.alloc(0), { timeoutMs: 10_000 }));
    expect(seen).toMatchObject({
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': `127.0.0.1:${port}`,
      ':path': '/test.Test/Echo',
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'test/1',
    });
    expect(seen['grpc-timeout']).toMatch(/^\d{1,5}m$/);
  });
});
