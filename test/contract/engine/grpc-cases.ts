// gRPC through two engines, as between two proxies: the four kinds of call, errors in trailers alone, cancellation, large messages.
import {
  type CallOptions,
  Client,
  credentials,
  type Metadata,
  Metadata as MetadataOf,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { expect } from 'vitest';
import type { Bench, Proxy } from './bench.ts';
import { dialPort } from './peer.ts';
import type { EngineCase } from './suite.ts';

const bytes = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };

function same(value: Buffer): Buffer {
  return value;
}

const METHODS = {
  Unary: { path: '/test.Echo/Unary', requestStream: false, responseStream: false, ...bytes },
  Fails: { path: '/test.Echo/Fails', requestStream: false, responseStream: false, ...bytes },
  Collect: { path: '/test.Echo/Collect', requestStream: true, responseStream: false, ...bytes },
  Spread: { path: '/test.Echo/Spread', requestStream: false, responseStream: true, ...bytes },
  Chat: { path: '/test.Echo/Chat', requestStream: true, responseStream: true, ...bytes },
};

interface Setup {
  readonly client: Client;
  readonly outbound: Proxy;
  readonly inbound: Proxy;
  /** Resolves when the server sees a call cancelled. */
  readonly cancelled: Promise<void>;
}

async function setup(bench: Bench): Promise<Setup> {
  const limit = { 'grpc.max_receive_message_length': 16 << 20, 'grpc.max_send_message_length': 16 << 20, 'grpc.enable_http_proxy': 0 };
  const server = new Server(limit);
  let cancel: () => void = () => undefined;
  const cancelled = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  server.addService(METHODS, {
    Unary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const trailer = new MetadataOf();
      trailer.set('x-trailer', 'end');
      done(null, call.request, trailer);
    },
    Fails: (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => done({ code: status.FAILED_PRECONDITION, details: 'not today' }),
    Collect: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const parts: Buffer[] = [];
      call.on('data', (part: Buffer) => parts.push(part));
      call.on('end', () => done(null, Buffer.concat(parts)));
    },
    Spread: (call: ServerWritableStream<Buffer, Buffer>) => {
      call.on('cancelled', cancel);
      call.write(call.request);
      if (call.request.toString() === 'forever') return;
      for (let i = 1; i < 100; i += 1) call.write(call.request);
      call.end();
    },
    Chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (part: Buffer) => call.write(Buffer.concat([Buffer.from('re: '), part])));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  bench.defer(() => server.forceShutdown());
  const inbound = await bench.proxy({ client: 'http/2', server: 'http/2', origin: port, rules: { origProto: 'decode' } });
  const outbound = await bench.proxy({
    client: 'http/2',
    server: 'http/2',
    origin: inbound.port,
    rules: { origProto: 'encode' },
    upstream: { dial: async () => await dialPort(inbound.port) },
  });
  const client = new Client(`127.0.0.1:${outbound.port}`, credentials.createInsecure(), limit);
  bench.defer(() => client.close());
  return { client, outbound, inbound, cancelled };
}

async function unary(client: Client, path: string, message: Buffer, options: CallOptions = {}): Promise<{ message: Buffer; trailers: Metadata }> {
  return await new Promise((resolve, reject) => {
    let answer: Buffer | undefined;
    const call = client.makeUnaryRequest(path, same, same, message, options, (error: ServiceError | null, value?: Buffer) => {
      if (error !== null) reject(error);
      else answer = value;
    });
    call.on('status', ({ code, metadata }) => {
      if (code === status.OK && answer !== undefined) resolve({ message: answer, trailers: metadata });
    });
  });
}

export const grpcCases: readonly EngineCase[] = [
  {
    name: 'carries unary calls with their trailers, also of 4 MiB',
    async run(bench) {
      const { client } = await setup(bench);
      const small = await unary(client, METHODS.Unary.path, Buffer.from('hello'));
      expect(small.message.toString()).toBe('hello');
      expect(small.trailers.get('x-trailer')).toEqual(['end']);
      const large = Buffer.alloc(4 << 20, 'abcdefg');
      expect((await unary(client, METHODS.Unary.path, large)).message.equals(large)).toBe(true);
    },
  },
  {
    name: 'carries an error that is nothing but trailers',
    async run(bench) {
      const { client, outbound } = await setup(bench);
      await expect(unary(client, METHODS.Fails.path, Buffer.from('x'))).rejects.toMatchObject({ code: status.FAILED_PRECONDITION, details: 'not today' });
      await expect(unary(client, '/test.Echo/Nothing', Buffer.from('x'))).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
      expect(outbound.watched.map((one) => one.outcome?.kind)).toEqual(['complete', 'complete']);
    },
  },
  {
    name: 'carries client streams, server streams and both at once',
    async run(bench) {
      const { client } = await setup(bench);
      const collected = await new Promise<Buffer | undefined>((resolve, reject) => {
        const call = client.makeClientStreamRequest(METHODS.Collect.path, same, same, (error: ServiceError | null, value?: Buffer) =>
          error === null ? resolve(value) : reject(error),
        );
        for (let i = 0; i < 100; i += 1) call.write(Buffer.from(`${i},`));
        call.end();
      });
      expect(collected?.toString().split(',')).toHaveLength(101);
      const spread = client.makeServerStreamRequest(METHODS.Spread.path, same, same, Buffer.alloc(10_000, 'x'));
      let total = 0;
      for await (const part of spread) total += (part as Buffer).length;
      expect(total).toBe(1_000_000);
      const chat = client.makeBidiStreamRequest<Buffer, Buffer>(METHODS.Chat.path, same, same);
      for (const word of ['one', 'two']) {
        chat.write(Buffer.from(word));
        expect((await new Promise<Buffer>((resolve) => chat.once('data', resolve))).toString()).toBe(`re: ${word}`);
      }
      const over = new Promise<number>((resolve) => chat.once('status', ({ code }) => resolve(code)));
      chat.resume();
      chat.end();
      expect(await over).toBe(status.OK);
    },
  },
  {
    name: 'carries a cancellation to the server',
    async run(bench) {
      const { client, cancelled, outbound, inbound } = await setup(bench);
      const call = client.makeServerStreamRequest(METHODS.Spread.path, same, same, Buffer.from('forever'));
      call.on('error', () => undefined);
      await new Promise((resolve) => call.once('data', resolve));
      call.cancel();
      await cancelled;
      for (const proxy of [outbound, inbound]) expect(await proxy.watched[0]?.ended).toEqual({ kind: 'client-gone', code: 8 });
    },
  },
  {
    name: 'carries a deadline',
    async run(bench) {
      const { client, cancelled } = await setup(bench);
      const call = client.makeServerStreamRequest(METHODS.Spread.path, same, same, Buffer.from('forever'), { deadline: Date.now() + 100 });
      const over = new Promise<number>((resolve) => call.on('status', ({ code }) => resolve(code)));
      call.on('error', () => undefined);
      call.resume();
      expect(await over).toBe(status.DEADLINE_EXCEEDED);
      await cancelled;
    },
  },
];
