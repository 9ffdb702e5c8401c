import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { PassThrough } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import {
  type ClientReadableStream,
  credentials,
  type MethodDefinition,
  makeClientConstructor,
  type ServerWritableStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { createRegistry, createWatch, memoryLogger, parseExposition, reason } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type GrpcImplementation, type GrpcServer, type GrpcServerOptions, startGrpcServer } from './grpc-server.ts';
import { writeWatch } from './write-watch.ts';

const bytes = (value: Buffer): Buffer => value;
const method = (name: string, responseStream: boolean): MethodDefinition<Buffer, Buffer> => ({
  path: `/test.Test/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const definition = { Unary: method('Unary', false), Stream: method('Stream', true) };
type Call = ServerWritableStream<Buffer, Buffer>;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const serve = async (implementation: GrpcImplementation, options: Partial<GrpcServerOptions> = {}): Promise<GrpcServer> => {
  const nothing = { Unary: () => undefined, Stream: () => undefined };
  const server = await startGrpcServer({ listen: { host: '127.0.0.1', port: 0 }, services: [[definition, { ...nothing, ...implementation }]], ...options });
  cleanups.push(() => server.close(0));
  return server;
};
const Client = makeClientConstructor(definition, 'Test');
interface TestClient {
  Unary(request: Buffer, callback: (error: ServiceError | null, response?: Buffer) => void): void;
  Stream(request: Buffer): ClientReadableStream<Buffer>;
}
const clientOf = (server: GrpcServer): TestClient => {
  // Proxy settings of the environment must not apply to loopback.
  const client = new Client(`${server.address?.ip}:${server.address?.port}`, credentials.createInsecure(), { 'grpc.enable_http_proxy': 0 });
  cleanups.push(() => client.close());
  return client as unknown as TestClient;
};
const unary = (client: TestClient, text: string): Promise<string> =>
  new Promise((resolve, reject) => client.Unary(Buffer.from(text), (error, response) => (error ? reject(error) : resolve(String(response)))));
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
/** Everything a stream gave, and its code. */
const finished = async (stream: ClientReadableStream<Buffer>): Promise<{ messages: string[]; code: number }> => {
  const messages: string[] = [];
  stream.on('data', (message: Buffer) => messages.push(message.toString()));
  stream.on('error', () => undefined);
  const code = await new Promise<number>((resolve) => stream.on('status', (end) => resolve(end.code)));
  await new Promise((resolve) => setImmediate(resolve));
  return { messages, code };
};

describe('methods', () => {
  test('may call back or be async, and keep the codes of their errors', async () => {
    const logger = memoryLogger();
    const server = await serve(
      {
        Unary: async (call: { request: Buffer }) => {
          const text = call.request.toString();
          if (text === 'coded') throw Object.assign(new Error('not there'), { code: status.NOT_FOUND });
          if (text === 'defect') throw new Error('secret');
          return Buffer.from(text.toUpperCase());
        },
      },
      { logger },
    );
    const client = clientOf(server);
    expect(await unary(client, 'hello')).toBe('HELLO');
    await expect(unary(client, 'coded')).rejects.toMatchObject({ code: status.NOT_FOUND, details: 'not there' });
    await expect(unary(client, 'defect')).rejects.toMatchObject({ code: status.INTERNAL, details: 'internal error' });
    expect(logger.records.filter((record) => record.level === 'error')).toHaveLength(1);
  });

  test('of streams may throw, at once or later', async () => {
    const server = await serve({
      Stream: (call: Call) => {
        if (call.request.toString() === 'sync') throw new Error('boom');
        return Promise.reject(Object.assign(new Error('no'), { code: status.PERMISSION_DENIED }));
      },
    });
    const client = clientOf(server);
    expect((await finished(client.Stream(Buffer.from('sync')))).code).toBe(status.INTERNAL);
    expect((await finished(client.Stream(Buffer.from('async')))).code).toBe(status.PERMISSION_DENIED);
  });
});

test('hundreds of streams run on one connection', async () => {
  const calls = new Set<Call>();
  const server = await serve({ Stream: (call: Call) => void calls.add(call.on('cancelled', () => calls.delete(call))) });
  const client = clientOf(server);
  const streams = Array.from({ length: 500 }, () => client.Stream(Buffer.alloc(0)).on('error', () => undefined));
  await until(() => calls.size === 500);
  expect(new Set([...calls].map((call) => call.getPeer())).size).toBe(1);
  for (const stream of streams) stream.cancel();
  await until(() => calls.size === 0);
});

test('connections can be handed in: over TLS without ALPN, and from any stream', async () => {
  const anonymous = { ciphers: 'ADH-AES256-GCM-SHA384:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const;
  const server = await startGrpcServer({ services: [[definition, { Unary: async () => Buffer.from('hi'), Stream: () => undefined }]] });
  cleanups.push(() => server.close(0));
  expect(server.address).toBeUndefined();
  const listener = createTlsServer({ ...anonymous, dhparam: 'auto' }, (socket) => server.inject(socket));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanups.push(() => listener.close());
  const socket = connectTls({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
    ...anonymous,
  });
  await once(socket, 'secureConnect');
  const session: ClientHttp2Session = connectHttp2('http://unused.invalid', { createConnection: () => socket });
  cleanups.push(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/test.Test/Unary', te: 'trailers', 'content-type': 'application/grpc' });
  stream.end(Buffer.alloc(5));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).subarray(5).toString()).toBe('hi');
  server.inject(new PassThrough().destroy());
});

describe('closing', () => {
  test('ends streams with UNAVAILABLE and lets unary calls finish', async () => {
    let answer: ((error: null, response: Buffer) => void) | undefined;
    const server = await serve({
      Unary: (_call: unknown, callback: typeof answer) => {
        answer = callback;
      },
      Stream: (call: Call) => void call.write(Buffer.from('x')),
    });
    const client = clientOf(server);
    const stream = finished(client.Stream(Buffer.alloc(0)));
    const running = unary(client, 'x');
    await until(() => answer !== undefined);
    const closed = server.close();
    expect(await stream).toEqual({ messages: ['x'], code: status.UNAVAILABLE });
    answer?.(null, Buffer.from('finished'));
    expect(await running).toBe('finished');
    await closed;
  });

  test('says GOAWAY for any stream before it says which were not processed', async () => {
    let answer: ((error: null, response: Buffer) => void) | undefined;
    const server = await serve({ Unary: (_call: unknown, callback: typeof answer) => void (answer = callback) });
    const session = connectHttp2(`http://127.0.0.1:${server.address?.port}`);
    const goaways: (number | undefined)[] = [];
    session.on('goaway', (_code, lastStreamId) => goaways.push(lastStreamId));
    const closed = once(session, 'close');
    const stream = session.request({ ':method': 'POST', ':path': '/test.Test/Unary', te: 'trailers', 'content-type': 'application/grpc' });
    stream.resume().end(Buffer.alloc(5));
    await until(() => answer !== undefined);
    const closing = server.close();
    await until(() => goaways.length >= 2);
    answer?.(null, Buffer.from('finished'));
    await Promise.all([closing, closed]);
    expect(goaways.slice(0, 2)).toEqual([2 ** 31 - 1, 1]);
  });

  test('cuts off what outlives the grace period', async () => {
    const logger = memoryLogger();
    let called = false;
    const server = await serve({ Unary: () => void (called = true) }, { logger });
    const running = unary(clientOf(server), 'x');
    await until(() => called);
    await Promise.all([server.close(20), expect(running).rejects.toMatchObject({ code: expect.any(Number) })]);
    expect(logger.records.some((record) => record.level === 'warn')).toBe(true);
    const socket = connectTcp(server.address?.port ?? 0, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});

test('calls are counted as Go controllers count them', async () => {
  const registry = createRegistry();
  const server = await serve(
    { Unary: async (call: { request: Buffer }) => (call.request.length > 1 ? Promise.reject(Object.assign(new Error('x'), { code: 5 })) : call.request) },
    { registry },
  );
  const client = clientOf(server);
  await unary(client, 'a');
  await unary(client, 'bb').catch(() => undefined);
  const labels = { grpc_type: 'unary', grpc_service: 'test.Test', grpc_method: 'Unary' };
  const samples = parseExposition(registry.render()).filter((sample) => sample.labels['grpc_method'] === 'Unary');
  const valueOf = (name: string, more: Record<string, string> = {}): number | undefined =>
    samples.find((s) => s.name === name && Object.entries({ ...labels, ...more }).every(([k, v]) => s.labels[k] === v))?.value;
  expect([
    valueOf('grpc_server_started_total'),
    valueOf('grpc_server_handled_total', { grpc_code: 'OK' }),
    valueOf('grpc_server_handled_total', { grpc_code: 'NotFound' }),
    valueOf('grpc_server_msg_received_total'),
    valueOf('grpc_server_msg_sent_total'),
    valueOf('grpc_server_handling_seconds_count'),
  ]).toEqual([2, 1, 1, 2, 1, 2]);
});

describe('a Watch written to a stream', () => {
  test('sends each state and releases when the client leaves', async () => {
    const source = createWatch<string>();
    const server = await serve({
      Stream: (call: Call) =>
        void writeWatch({
          call,
          watch: source.watch,
          encode: (state, previous) => (state.kind === 'value' ? [Buffer.from(`${previous?.kind === 'value' ? previous.value : ''}>${state.value}`)] : []),
        }),
    });
    const stream = clientOf(server).Stream(Buffer.alloc(0));
    stream.on('error', () => undefined);
    const messages: string[] = [];
    stream.on('data', (message: Buffer) => messages.push(message.toString()));
    await until(() => source.references === 1);
    source.set('a');
    source.absent();
    source.set('b');
    await until(() => messages.length === 2);
    expect(messages).toEqual(['>a', '>b']);
    stream.cancel();
    await until(() => source.references === 0);
  });

  test('ends with the status that the encoder names, and with INTERNAL when it throws', async () => {
    const source = createWatch<string>();
    const server = await serve({
      Stream: (call: Call) =>
        void writeWatch({
          call,
          watch: source.watch,
          encode(state) {
            if (state.kind === 'rejected') return { code: status.INVALID_ARGUMENT, details: state.reason.code };
            if (state.kind === 'absent') return { code: 0, details: '' };
            throw new Error('cannot encode');
          },
        }),
    });
    const client = clientOf(server);
    source.reject(reason('DISCOVERY_REJECTED'));
    expect((await finished(client.Stream(Buffer.alloc(0)))).code).toBe(status.INVALID_ARGUMENT);
    source.absent();
    expect((await finished(client.Stream(Buffer.alloc(0)))).code).toBe(status.OK);
    source.set('x');
    expect((await finished(client.Stream(Buffer.alloc(0)))).code).toBe(status.INTERNAL);
    expect(source.references).toBe(0);
  });

  test('keeps one state for a client that does not read, and then sends the newest', async () => {
    const source = createWatch<number>();
    let encoded = 0;
    const server = await serve({
      Stream: (call: Call) =>
        void writeWatch({
          call,
          watch: source.watch,
          encode(state) {
            encoded++;
            const message = Buffer.alloc(256 * 1024);
            if (state.kind === 'value') message.writeUInt32BE(state.value, 0);
            return [message];
          },
        }),
    });
    const stream = clientOf(server).Stream(Buffer.alloc(0));
    stream.on('error', () => undefined);
    stream.pause();
    await until(() => source.references === 1);
    for (let n = 0; n < 2000; n++) {
      source.set(n);
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(encoded).toBeLessThan(100);
    let last = -1;
    stream.on('data', (message: Buffer) => {
      last = message.readUInt32BE(0);
    });
    stream.resume();
    await until(() => last === 1999);
    stream.cancel();
    await until(() => source.references === 0);
  });

  test('does not outlive a call that was cancelled before', async () => {
    const source = createWatch<string>();
    const progress: string[] = [];
    const server = await serve({
      Stream: async (call: Call) => {
        progress.push('called');
        await once(call, 'cancelled');
        writeWatch({ call, watch: source.watch, encode: () => [Buffer.from('late')] });
        source.set('x');
        progress.push('written');
      },
    });
    const stream = clientOf(server).Stream(Buffer.alloc(0));
    stream.on('error', () => undefined);
    await until(() => progress.length === 1);
    stream.cancel();
    await until(() => progress.length === 2);
    expect(source.references).toBe(0);
  });
});
