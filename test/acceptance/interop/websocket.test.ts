// ws on both sides: text and binary, large and fragmented messages, compression, pings, close codes, refusals and breaks. spec/proxy.md §4.3.
import { createServer, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { type ClientOptions, type RawData, WebSocket, WebSocketServer } from 'ws';
import { type Application, serveOn } from '../process/applications.ts';
import { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';
import { onEveryWay, type Route } from './ways.ts';

const MIB = 1024 * 1024;
const marks = new Marks();

/** Echoes; does what a text asks for (`close 4001 because`, `ping`, `break`); marks the close code that it sees under the path. */
async function echo(): Promise<Application> {
  const server = createServer();
  const sockets = new WebSocketServer({
    server,
    maxPayload: 64 * MIB,
    perMessageDeflate: { threshold: 1000 },
    verifyClient: ({ req }: { req: IncomingMessage }) => req.url !== '/refused',
    handleProtocols: (offered) => (offered.has('second') ? 'second' : false),
  });
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined);
    socket.on('pong', (data) => socket.send(`pong ${data.toString()}`));
    socket.on('close', (code, reason) => marks.mark(`${request.url ?? ''} ${code} ${reason.toString()}`.trim()));
    socket.on('message', (data, isBinary) => {
      const text = isBinary ? '' : bytes(data).toString();
      if (text.startsWith('close ')) socket.close(Number(text.slice(6, 10)), text.slice(11));
      else if (text === 'ping') socket.ping('from the server');
      else if (text === 'break') socket.terminate();
      else socket.send(data, { binary: isBinary });
    });
  });
  return serveOn(server);
}

function bytes(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
}

onEveryWay({ echo }, cases);

function cases(route: Route<'echo'>): void {
  const name = (what: string): string => `/${what}-${route.way}`.replaceAll(' ', '-');
  async function opened(path = '/chat', options: ClientOptions = {}, protocols: string[] = []): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${route.port('echo')}${path}`, protocols, { maxPayload: 64 * MIB, ...options });
    await new Promise<void>((resolve, reject) => socket.once('open', () => resolve()).once('error', reject));
    return socket;
  }
  const next = (socket: WebSocket): Promise<{ data: Buffer; isBinary: boolean }> =>
    new Promise((resolve) => socket.once('message', (data, isBinary) => resolve({ data: bytes(data), isBinary })));
  const closed = (socket: WebSocket): Promise<{ code: number; reason: string }> =>
    new Promise((resolve) => socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })));

  test('texts and bytes come back as they were', async () => {
    const socket = await opened();
    for (const message of ['hello', 'grüß Gott ✓', '', payload(1000), Buffer.alloc(0)]) {
      const answer = next(socket);
      socket.send(message);
      expect(await answer).toEqual({ data: Buffer.from(message), isBinary: typeof message !== 'string' });
    }
    socket.close();
    expect((await closed(socket)).code).toBe(1005);
  });

  test('large messages come back whole, in one frame and in many, compressed and not', async () => {
    for (const perMessageDeflate of [false, true]) {
      const socket = await opened('/chat', { perMessageDeflate });
      const large = payload(4 * MIB);
      const whole = next(socket);
      socket.send(large);
      expect(sha256((await whole).data)).toBe(sha256(large));
      const fragmented = next(socket);
      for (let at = 0; at < large.length; at += 100_000) socket.send(large.subarray(at, at + 100_000), { fin: at + 100_000 >= large.length });
      expect(sha256((await fragmented).data)).toBe(sha256(large));
      socket.terminate();
    }
  });

  test('many messages keep their order', async () => {
    const socket = await opened();
    const received: string[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        received.push(bytes(data).toString());
        if (received.length === 2_000) resolve();
      });
    });
    const sent = Array.from({ length: 2_000 }, (_, index) => `message ${index}`);
    for (const message of sent) socket.send(message);
    await all;
    expect(received).toEqual(sent);
    socket.terminate();
  });

  test('pings are answered, both ways', async () => {
    const socket = await opened();
    const pong = new Promise<string>((resolve) => socket.once('pong', (data) => resolve(data.toString())));
    socket.ping('from the client');
    expect(await pong).toBe('from the client');
    const answer = next(socket);
    socket.send('ping');
    expect((await answer).data.toString()).toBe('pong from the server');
    socket.terminate();
  });

  test('close codes and reasons go both ways', async () => {
    const path = name('leaving');
    const leaving = await opened(path);
    leaving.close(4000, 'enough');
    expect(await closed(leaving)).toEqual({ code: 4000, reason: 'enough' });
    expect(await marks.marked(`${path} 4000 enough`)).toBe(`${path} 4000 enough`);
    const sent = await opened();
    sent.send('close 4001 because');
    expect(await closed(sent)).toEqual({ code: 4001, reason: 'because' });
  });

  test('a side that breaks breaks the other', async () => {
    const path = name('breaking');
    const breaking = await opened(path);
    breaking.terminate();
    expect(await marks.marked(`${path} 1006`)).toBe(`${path} 1006`);
    const broken = await opened();
    broken.send('break');
    expect((await closed(broken)).code).toBe(1006);
  });

  test('a subprotocol is agreed on, and a refusal is seen as one', async () => {
    const socket = await opened('/chat', {}, ['first', 'second']);
    expect(socket.protocol).toBe('second');
    socket.terminate();
    await expect(opened('/refused')).rejects.toThrow('Unexpected server response: 401');
  });
}
