// grpc-js on both sides: the four kinds of call, deadlines, cancellation, metadata, large messages, trailers-only errors; and each side
// against node:http2. spec/proxy.md §4.5, §4.6.

import { connect, createServer } from 'node:http2';
import type { Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type CallOptions, Client, credentials, Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { afterAll, expect, test } from 'vitest';
import { type Application, serveOn } from '../process/applications.ts';
import { DETAILS, grpcApplication, METHODS, NO_LIMITS, same } from './grpc-application.ts';
import { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';
import { onEveryWay, type Route } from './ways.ts';

const MIB = 1024 * 1024;
const marks = new Marks();
const clients: Client[] = [];

/** gRPC by hand: answers each call with its own bytes, and the status as trailers. */
async function byHand(): Promise<Application> {
  const server = createServer();
  server.on('session', (session) => session.on('error', () => undefined));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    if (headers[':path'] === '/weft.test.Echo/Fail') {
      return stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '9', 'grpc-message': 'by hand' }, { endStream: true });
    }
    void buffer(stream).then((body) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto', 'x-te': headers.te ?? '' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-where': 'end' }));
      stream.end(body);
    });
  });
  return serveOn(server as unknown as Server);
}

afterAll(() => clients.forEach((client) => client.close()));

onEveryWay({ grpc: grpcApplication(marks), byHand }, cases);

interface Answer {
  readonly message: Buffer | undefined;
  readonly head: Metadata | undefined;
  readonly end: StatusObject;
}

/** The call's end, whatever it is, with all that came before. */
function unary(client: Client, path: string, message: Buffer, metadata = new Metadata(), options: CallOptions = {}): Promise<Answer> {
  return new Promise((resolve) => {
    let head: Metadata | undefined;
    let answer: Buffer | undefined;
    const call = client.makeUnaryRequest(path, same, same, message, metadata, options, (_error: ServiceError | null, value?: Buffer) => (answer = value));
    call.on('metadata', (received: Metadata) => (head = received));
    call.on('status', (end) => setImmediate(() => resolve({ message: answer, head, end })));
  });
}

const ended = (call: { on(event: 'status', listener: (end: StatusObject) => void): unknown; on(event: 'error', listener: () => void): unknown }) => {
  call.on('error', () => undefined);
  return new Promise<StatusObject>((resolve) => call.on('status', resolve));
};

function cases(route: Route<'grpc' | 'byHand'>): void {
  const clientOf = (app: 'grpc' | 'byHand'): Client => {
    const client = new Client(`127.0.0.1:${route.port(app)}`, credentials.createInsecure(), { ...NO_LIMITS, 'grpc.use_local_subchannel_pool': 1 });
    clients.push(client);
    return client;
  };
  const mark = (what: string): string => `${what} ${route.way}`;

  test('unary calls are answered, hundreds at a time', async () => {
    const client = clientOf('grpc');
    const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => unary(client, METHODS.unary.path, Buffer.from(`message ${index}`))));
    expect(answers.map(({ message }) => message?.toString())).toEqual(answers.map((_, index) => `message ${index}`));
    expect(new Set(answers.map(({ end }) => end.code))).toEqual(new Set([status.OK]));
  });

  test('metadata goes both ways, before the message and after it, as text and as bytes', async () => {
    const metadata = new Metadata();
    metadata.add('x-text', 'one');
    metadata.add('x-text', 'two');
    metadata.set('x-bytes-bin', Buffer.from([0, 255, 128, 13, 10]));
    metadata.set('x-empty-bin', Buffer.alloc(0));
    const { head, end } = await unary(clientOf('grpc'), METHODS.unary.path, Buffer.from('x'), metadata);
    for (const [received, where] of [
      [head, 'head'],
      [end.metadata, 'end'],
    ] as const) {
      expect(received?.get('x-where')).toEqual([where]);
      expect(received?.get('x-text').join(', ')).toBe('one, two');
      expect(received?.get('x-bytes-bin')).toEqual([Buffer.from([0, 255, 128, 13, 10])]);
      expect(received?.get('x-empty-bin')).toEqual([Buffer.alloc(0)]);
      expect(received?.get('l5d-proxy-error')).toEqual([]);
    }
  });

  test('a client stream is collected', async () => {
    const client = clientOf('grpc');
    const answer = new Promise<Buffer | undefined>((resolve, reject) => {
      const call = client.makeClientStreamRequest(METHODS.collect.path, same, same, (error: ServiceError | null, value?: Buffer) =>
        error ? reject(error) : resolve(value),
      );
      for (let index = 0; index < 1_000; index++) call.write(Buffer.from(`${index},`));
      call.end();
    });
    expect((await answer)?.toString()).toBe(Array.from({ length: 1_000 }, (_, index) => `${index},`).join(''));
  });

  test('a server stream is read to its end', async () => {
    const call = clientOf('grpc').makeServerStreamRequest(METHODS.spread.path, same, same, payload(20_000));
    const end = ended(call);
    const hashes = new Set<string>();
    let count = 0;
    for await (const part of call) {
      hashes.add(sha256(part as Buffer));
      count++;
    }
    expect([count, [...hashes]]).toEqual([100, [sha256(payload(20_000))]]);
    expect(await end).toMatchObject({ code: status.OK });
  });

  test('both sides stream, each message after the answer to the former', async () => {
    const call = clientOf('grpc').makeBidiStreamRequest<Buffer, Buffer>(METHODS.chat.path, same, same);
    const end = ended(call);
    for (const word of ['one', 'two', '', 'four']) {
      const answer = new Promise<Buffer>((resolve) => call.once('data', resolve));
      call.write(Buffer.from(word));
      expect((await answer).toString()).toBe(word);
    }
    call.resume();
    call.end();
    const { code, metadata } = await end;
    expect([code, metadata.get('x-where')]).toEqual([status.OK, ['end']]);
  });

  test('messages of four megabytes go both ways, several at a time', async () => {
    const client = clientOf('grpc');
    const large = payload(4 * MIB);
    const answers = await Promise.all([1, 2, 3].map(() => unary(client, METHODS.unary.path, large)));
    for (const { message, end } of answers) {
      expect(end.code).toBe(status.OK);
      expect(sha256(message ?? Buffer.alloc(0))).toBe(sha256(large));
    }
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(METHODS.chat.path, same, same);
    call.write(large);
    const back = await new Promise<Buffer>((resolve) => call.once('data', resolve));
    expect(sha256(back)).toBe(sha256(large));
    call.end();
  });

  test('errors that are trailers alone keep their status, message and details', async () => {
    const client = clientOf('grpc');
    for (const code of [status.INVALID_ARGUMENT, status.NOT_FOUND, status.UNAVAILABLE, status.INTERNAL, status.UNAUTHENTICATED]) {
      const { end, message } = await unary(client, METHODS.fail.path, Buffer.from(String(code)));
      expect(end).toMatchObject({ code, details: 'nicht heute: 100 % ✓' });
      expect(end.metadata.get('grpc-status-details-bin')).toEqual([DETAILS]);
      expect(end.metadata.get('x-reason')).toEqual(['test']);
      expect(message).toBeUndefined();
    }
    expect((await unary(client, '/weft.test.Echo/Nothing', Buffer.from('x'))).end.code).toBe(status.UNIMPLEMENTED);
  });

  test('an error after a message keeps both', async () => {
    const call = clientOf('grpc').makeServerStreamRequest(METHODS.failLate.path, same, same, Buffer.from('first'));
    const received: string[] = [];
    call.on('data', (part: Buffer) => received.push(part.toString()));
    const { code, details, metadata } = await ended(call);
    expect({ received, code, details }).toEqual({ received: ['first'], code: status.ABORTED, details: 'too late' });
    expect(metadata.get('grpc-status-details-bin')).toEqual([DETAILS]);
  });

  test('a cancellation is seen by the server', async () => {
    const name = mark('cancel');
    const call = clientOf('grpc').makeServerStreamRequest(METHODS.hang.path, same, same, Buffer.from(name));
    const end = ended(call);
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    expect((await end).code).toBe(status.CANCELLED);
    expect(await marks.marked(`${name} cancelled`)).toBe(`${name} cancelled`);
  });

  test('a deadline travels with the call and ends it on both sides', async () => {
    const name = mark('deadline');
    const deadline = Date.now() + 300;
    const call = clientOf('grpc').makeServerStreamRequest(METHODS.hang.path, same, same, Buffer.from(name), new Metadata(), { deadline });
    call.resume();
    expect((await ended(call)).code).toBe(status.DEADLINE_EXCEEDED);
    expect(await marks.marked(`${name} deadline`)).toBe(`${name} deadline`);
    expect(await marks.marked(`${name} cancelled`)).toBe(`${name} cancelled`);
  });

  test('a client that closes its channel takes its calls with it', async () => {
    const name = mark('closed');
    const client = clientOf('grpc');
    const call = client.makeServerStreamRequest(METHODS.hang.path, same, same, Buffer.from(name));
    const end = ended(call);
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    client.close();
    await end;
    expect(await marks.marked(`${name} cancelled`)).toBe(`${name} cancelled`);
  });

  test('a client of grpc-js is understood by a server of node:http2', async () => {
    const client = clientOf('byHand');
    const { message, head, end } = await unary(client, METHODS.unary.path, Buffer.from('hello'));
    expect([message?.toString(), head?.get('x-te'), end.code, end.metadata.get('x-where')]).toEqual(['hello', ['trailers'], status.OK, ['end']]);
    expect((await unary(client, METHODS.fail.path, Buffer.from('x'))).end).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'by hand' });
  });

  test('a client of node:http2 is understood by a server of grpc-js', async () => {
    const session = connect(`http://127.0.0.1:${route.port('grpc')}`);
    session.on('error', () => undefined);
    const headers = { ':method': 'POST', ':path': METHODS.unary.path, 'content-type': 'application/grpc', te: 'trailers', 'x-text': 'mine' };
    const stream = session.request(headers);
    const trailers = new Promise<Record<string, unknown>>((resolve) => stream.once('trailers', resolve));
    const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 5]), Buffer.from('hello')]);
    stream.end(message);
    expect((await buffer(stream)).equals(message)).toBe(true);
    expect(await trailers).toMatchObject({ 'grpc-status': '0', 'x-text': 'mine' });
    session.destroy();
  });

  test('every proxy on the way counts calls by their gRPC status', async () => {
    const counted = (grpc_status: string): Promise<readonly number[]> => route.counted('grpc', 'response_total', { grpc_status });
    const before = await counted('5');
    await unary(clientOf('grpc'), METHODS.fail.path, Buffer.from('5'));
    expect(await counted('5')).toEqual(before.map((value) => value + 1));
  });
}
