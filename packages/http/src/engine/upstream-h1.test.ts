import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ForwardFailure } from '../exchange/engine.ts';
import type { RequestHead, ResponseHead } from '../exchange/head.ts';
import { H1_LIMITS } from '../h1/limits.ts';
import type { Call, CallEnd } from './ends.ts';
import { type ManualTimers, manualTimers } from './manual-timers.ts';
import { EngineShared } from './shared.ts';
import type { TunnelEnd } from './tunnel.ts';
import { H1Upstream, type H1UpstreamOptions } from './upstream-h1.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const LIFE_MS = 4000;
/** An idle connection lives for its time and up to a quarter more. */
const TICKS_OF_A_LIFE = 5;
/** So many have their turn before the first is too old. */
const KEPT = 4;

let clock: ManualTimers;
let shared: EngineShared;
let server: Server;
/** What the origin was sent, and by which of its connections. */
let requests: { readonly text: string; readonly socket: Socket }[];
let sockets: Socket[];
let upstreams: H1Upstream[];

beforeEach(async () => {
  clock = manualTimers();
  shared = new EngineShared(clock.timers, 0, H1_LIMITS);
  requests = [];
  sockets = [];
  upstreams = [];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => requests.push({ text: chunk.toString('latin1'), socket }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const one of upstreams) one.destroy();
  for (const socket of sockets) socket.destroy();
  server.close();
});

function upstream(options: Partial<H1UpstreamOptions> = {}): H1Upstream {
  const made = new H1Upstream({ version: 'http/1', shared, poolIdleMs: LIFE_MS, ...options, dial });
  upstreams.push(made);
  return made;
}

async function dial(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

let calls = 0;

/** A request without a body, of a path of its own. */
class Get implements Call {
  readonly head: RequestHead;
  readonly origin = null;
  readonly hasBody = false;
  readonly oneOff: boolean;
  readonly bytes = null;
  replayable = true;
  readonly over = false;
  end: CallEnd | undefined;
  tunnel: TunnelEnd | undefined;
  /** Known once it has ended. */
  how: string | undefined;
  readonly #ended: Promise<string>;
  #end: (how: string) => void = () => undefined;

  constructor(head: Partial<RequestHead> = {}, oneOff = false) {
    this.head = {
      method: 'GET',
      version: '1.1',
      form: 'origin',
      path: `/${++calls}`,
      scheme: undefined,
      authority: 'a',
      headers: ['host', 'a'],
      upgrade: false,
      ...head,
    };
    this.oneOff = oneOff;
    this.#ended = new Promise((resolve) => {
      this.#end = (how) => {
        this.how = how;
        resolve(how);
      };
    });
  }

  /** The status of the response, or why there is none. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  bound(end: CallEnd): void {
    this.end = end;
  }
  unbound(): void {
    this.end = undefined;
  }
  informational(): void {}
  response(head: ResponseHead, ended: boolean): void {
    if (ended) this.#end(`${head.status}`);
  }
  responseData(): void {}
  responseEnd(): void {
    this.#end('body');
  }
  tunnelled(head: ResponseHead, end: TunnelEnd): void {
    this.tunnel = end;
    this.#end(`${head.status}`);
  }
  accepted(): void {}
  unwanted(): void {}
  failed(failure: ForwardFailure): void {
    this.#end(failure.kind);
  }
}

/** To be compared and shown. */
const number = (socket: Socket | undefined): number => (socket ? sockets.indexOf(socket) : -1);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Starts them all, and waits until the origin has each: which of its connections each came by. */
async function arrived(to: H1Upstream, ...calls: Get[]): Promise<Socket[]> {
  const from = requests.length;
  for (const call of calls) to.start(call);
  await until(() => requests.length === from + calls.length);
  return calls.map(({ head }) => requests.slice(from).find(({ text }) => text.split(' ')[1]?.endsWith(head.path))?.socket as Socket);
}

/** What becomes of a request on a connection that was used before, after the origin has done that to it. */
async function afterDeath(call: Get, die: (socket: Socket) => void): Promise<string> {
  const to = upstream();
  const used = await served(to);
  const [socket] = await arrived(to, call);
  expect(number(socket)).toBe(number(used));
  const known = requests.length;
  die(used);
  await until(() => call.how !== undefined || requests.length > known);
  if (call.how !== undefined) return call.how;
  const again = requests[known];
  expect(again?.text).toMatch(new RegExp(`^${call.head.method} ${call.head.path} `));
  again?.socket.write(OK);
  return `sent again, ${await call.ended}`;
}

/** The origin answers it; which of its connections the request came by. */
async function served(to: H1Upstream, call = new Get()): Promise<Socket> {
  const [socket] = await arrived(to, call);
  socket?.write(OK);
  expect(await call.ended).toBe('200');
  return socket as Socket;
}

test('a connection carries one request after the other, of its own authority and target form only', async () => {
  const to = upstream();
  const first = await served(to);
  expect(number(await served(to))).toBe(number(first));
  const other = await served(to, new Get({ authority: 'b' }));
  const whole = await served(to, new Get({ form: 'absolute', scheme: 'http' }));
  expect(new Set([first, other, whole]).size).toBe(3);
  expect(number(await served(to))).toBe(number(first));
  expect(number(await served(to, new Get({ authority: 'b' })))).toBe(number(other));
  expect(number(await served(to, new Get({ form: 'absolute', scheme: 'http' })))).toBe(number(whole));
  expect(to.inFlight).toBe(0);
});

test('of several idle connections the one used last is taken first', async () => {
  const to = upstream();
  const calls = [new Get(), new Get(), new Get()];
  const used = await arrived(to, ...calls);
  expect(new Set(used).size).toBe(3);
  for (const [n, socket] of used.entries()) {
    socket.write(OK);
    await calls[n]?.ended;
  }
  expect((await arrived(to, new Get(), new Get(), new Get())).map(number)).toEqual(used.map(number).reverse());
});

test('idle connections are closed when their time is over, and one that is in use is not', async () => {
  const to = upstream();
  const calls = [new Get(), new Get(), new Get()];
  const [a, b, c] = (await arrived(to, ...calls)) as [Socket, Socket, Socket];
  a.write(OK);
  b.write(OK);
  await Promise.all(calls.slice(0, 2).map((call) => call.ended));
  for (let tick = 0; tick < TICKS_OF_A_LIFE; tick += 1) clock.fireAll();
  await Promise.all([once(a, 'close'), once(b, 'close')]);
  c.write(OK);
  expect(await calls[2]?.ended).toBe('200');
  expect(number(await served(to))).toBe(number(c));
  // Nobody asks any more once there is none.
  for (let tick = 0; tick < TICKS_OF_A_LIFE; tick += 1) clock.fireAll();
  await once(c, 'close');
  expect(clock.waiting).toEqual([]);
});

test('while there are requests a few idle connections are kept by turns, and more are not', async () => {
  const to = upstream();
  const calls = Array.from({ length: 8 }, () => new Get());
  const used = await arrived(to, ...calls);
  for (const [n, socket] of used.entries()) {
    socket.write(OK);
    await calls[n]?.ended;
  }
  const turns: number[] = [];
  for (let tick = 0; tick < 5 * TICKS_OF_A_LIFE; tick += 1) {
    clock.fireAll();
    turns.push(number(await served(to)));
    // Whoever had its turn goes on with it.
    expect(number(await served(to))).toBe(turns.at(-1));
  }
  const kept = new Set(turns.slice(-KEPT));
  expect(new Set(turns)).toEqual(kept);
  expect(kept.size).toBe(KEPT);
  await Promise.all(used.filter((socket) => !kept.has(number(socket)) && !socket.closed).map((socket) => once(socket, 'close')));
  for (let tick = 0; tick < TICKS_OF_A_LIFE; tick += 1) clock.fireAll();
  await Promise.all(used.filter((socket) => !socket.closed).map((socket) => once(socket, 'close')));
});

test('no more idle connections are kept than allowed, none of a request that asked for its own, and none once it is closed', async () => {
  const to = upstream({ maxIdle: 1 });
  const calls = [new Get(), new Get()];
  const [a, b] = (await arrived(to, ...calls)) as [Socket, Socket];
  for (const socket of [a, b]) socket.write(OK);
  await Promise.all([once(b, 'close'), ...calls.map((call) => call.ended)]);
  expect(number(await served(to))).toBe(number(a));
  const alone = await served(to, new Get({}, true));
  expect(number(alone)).not.toBe(number(a));
  await once(alone, 'close');
  const last = new Get();
  await arrived(to, last);
  to.close();
  a.write(OK);
  expect(await last.ended).toBe('200');
  await once(a, 'close');
  const late = new Get();
  to.start(late);
  expect(await late.ended).toBe('closed');
});

test('an idle connection that its peer ends, or that says something unasked, is gone', async () => {
  const to = upstream();
  const ended = await served(to);
  ended.end();
  await once(ended, 'close');
  const talks = await served(to);
  expect(number(talks)).not.toBe(number(ended));
  talks.write(OK);
  await once(talks, 'close');
  expect(number(await served(to))).not.toBe(number(talks));
});

test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])('%s is sent again when a connection that was used before dies unanswered', async (method) => {
  expect(await afterDeath(new Get({ method }), (socket) => socket.resetAndDestroy())).toBe('sent again, 200');
  expect(await afterDeath(new Get({ method }), (socket) => socket.end())).toBe('sent again, 200');
});

test.each(['POST', 'PATCH', 'LOCK', 'get'])('%s is not sent again: it may have had an effect', async (method) => {
  expect(await afterDeath(new Get({ method }), (socket) => socket.resetAndDestroy())).toBe('closed');
});

test('a request whose body is no longer whole is not sent again', async () => {
  const put = new Get({ method: 'PUT' });
  put.replayable = false;
  expect(await afterDeath(put, (socket) => socket.resetAndDestroy())).toBe('closed');
});

test('a request is not sent again once a part of an answer has come', async () => {
  expect(await afterDeath(new Get(), (socket) => socket.end('HTTP/1.1 2'))).toBe('closed');
});

test('nothing of a request is kept when it is over, however it ends', async () => {
  const to = upstream();
  const kept = (): number[] => [shared.calls.size, shared.flusher.outputs.size, to.inFlight];
  const upgrade: Partial<RequestHead> = { upgrade: true, headers: ['host', 'a', 'connection', 'upgrade', 'upgrade', 'x'] };
  const calls = { answered: new Get(), broken: new Get(), cut: new Get(), given: new Get(), wrong: new Get(), switched: new Get(upgrade) };
  const [answered, broken, cut, given, wrong, switched] = (await arrived(to, ...Object.values(calls))) as Socket[];
  expect(kept()).toEqual([6, 0, 6]);
  answered?.write(OK);
  cut?.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234');
  wrong?.write('HTTP/2 200\r\n\r\n');
  switched?.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
  calls.given.end?.reset(0);
  if (given) await once(given, 'close');
  // It was on a connection without a request before: it is not sent again.
  broken?.resetAndDestroy();
  expect(await Promise.all([calls.answered, calls.broken, calls.cut, calls.wrong, calls.switched].map((call) => call.ended))).toEqual([
    '200',
    'closed',
    'closed',
    'protocol',
    '101',
  ]);
  // The tunnel is the only one left; it is told of as over when its connection is.
  expect(kept()).toEqual([1, 0, 1]);
  calls.switched.tunnel?.closed();
  expect(kept()).toEqual([0, 0, 0]);
});
