// A gRPC service of grpc-js whose messages are bytes: the four kinds of call, with metadata, errors and cancellation made visible.
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { Application } from '../process/applications.ts';
import type { Marks } from './marks.ts';

export const same = (value: Buffer): Buffer => value;
const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };

export const METHODS = {
  unary: { path: '/weft.test.Echo/Unary', requestStream: false, responseStream: false, ...codec },
  collect: { path: '/weft.test.Echo/Collect', requestStream: true, responseStream: false, ...codec },
  spread: { path: '/weft.test.Echo/Spread', requestStream: false, responseStream: true, ...codec },
  chat: { path: '/weft.test.Echo/Chat', requestStream: true, responseStream: true, ...codec },
  fail: { path: '/weft.test.Echo/Fail', requestStream: false, responseStream: false, ...codec },
  failLate: { path: '/weft.test.Echo/FailLate', requestStream: false, responseStream: true, ...codec },
  hang: { path: '/weft.test.Echo/Hang', requestStream: false, responseStream: true, ...codec },
} as const;

/** Messages may have any size; no proxy of the environment is asked. */
export const NO_LIMITS = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1, 'grpc.enable_http_proxy': 0 };

/** What comes with an error, as `google.rpc.Status` does: bytes under a name that ends in `-bin`. */
export const DETAILS = Buffer.from([0, 1, 2, 254, 255, 10, 13]);

export function grpcApplication(marks: Marks): () => Promise<Application> {
  return async () => {
    const server = new Server(NO_LIMITS);
    server.addService(METHODS, {
      /** Metadata that begins with `x-` comes back, before the message and after it. */
      unary(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
        call.sendMetadata(echoed(call.metadata, 'head'));
        done(null, call.request, echoed(call.metadata, 'end'));
      },
      collect(call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
        const parts: Buffer[] = [];
        call.on('data', (part: Buffer) => parts.push(part));
        call.on('end', () => done(null, Buffer.concat(parts), echoed(call.metadata, 'end')));
      },
      /** The request a hundred times. */
      spread(call: ServerWritableStream<Buffer, Buffer>) {
        for (let index = 0; index < 100; index++) call.write(call.request);
        call.end(echoed(call.metadata, 'end'));
      },
      chat(call: ServerDuplexStream<Buffer, Buffer>) {
        call.on('data', (part: Buffer) => call.write(part));
        call.on('end', () => call.end(echoed(call.metadata, 'end')));
      },
      fail(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
        done({ code: Number(call.request.toString()), details: 'nicht heute: 100 % ✓', metadata: withDetails() });
      },
      failLate(call: ServerWritableStream<Buffer, Buffer>) {
        call.write(call.request);
        call.emit('error', { code: status.ABORTED, details: 'too late', metadata: withDetails() });
      },
      /** One message, then nothing until the client has gone; that, and whether a deadline came along, is marked under the request. */
      hang(call: ServerWritableStream<Buffer, Buffer>) {
        const name = call.request.toString();
        if (Number.isFinite(Number(call.getDeadline()))) marks.mark(`${name} deadline`);
        call.on('cancelled', () => marks.mark(`${name} cancelled`));
        call.write(call.request);
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
    });
    return {
      port,
      async [Symbol.asyncDispose]() {
        server.forceShutdown();
      },
    };
  };
}

function echoed(metadata: Metadata, where: string): Metadata {
  const answer = new Metadata();
  answer.set('x-where', where);
  for (const key of Object.keys(metadata.getMap())) if (key.startsWith('x-')) for (const value of metadata.get(key)) answer.add(key, value);
  return answer;
}

function withDetails(): Metadata {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', DETAILS);
  metadata.set('x-reason', 'test');
  return metadata;
}
