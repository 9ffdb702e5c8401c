import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Exchange, ExchangeOutcome, ForwardRules, HttpEngine, ServeOptions } from '../exchange/engine.ts';
import { manualTimers } from './manual-timers.ts';
import { weftEngine } from './weft-engine.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

async function serve(engine: HttpEngine, options: ServeOptions, onExchange: (exchange: Exchange) => void): Promise<number> {
  return await listen((socket) => void engine.serve(socket, options, onExchange));
}

/** Everything that comes back until the connection is over, and RESET if that is how it ends. */
async function talk(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  closers.push(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {
    received += 'RESET';
  });
  socket.write(text, 'latin1');
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

const ok = (exchange: Exchange): void => exchange.respond({ status: 200, headers: [] });

test('gives up a head that does not end, from its first byte on, and never an idle connection', async () => {
  const { timers, waiting } = manualTimers();
  const port = await serve(weftEngine({ timers, headTimeoutMs: 5000 }), { version: 'http/1' }, ok);
  const idle = connect(port, '127.0.0.1');
  closers.push(() => idle.destroy());
  await once(idle, 'connect');
  expect(waiting).toEqual([]);
  const answer = talk(port, 'GET / HTTP/1.1\r\nhost: a\r\nx: ');
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(waiting[0]?.delayMs).toBe(5000);
  waiting[0]?.fire();
  expect(await answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n.*connection: close\r\n/s);
});

test.each([
  ['client', { kind: 'client-gone' }],
  ['origin', { kind: 'failed', failure: { kind: 'closed', error: { message: 'peer has not read for 4000 ms' } } }],
] as const)('gives up an exchange whose %s does not read for too long', async (who, expected) => {
  const { timers, waiting } = manualTimers();
  const engine = weftEngine({ timers, stallMs: 4000 });
  const origin = await listen((socket) => {
    if (who === 'origin') {
      socket.pause();
      return;
    }
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const more = (): void => {
      while (socket.write(Buffer.alloc(65_536)));
    };
    socket.on('drain', more);
    more();
  });
  const upstream = engine.upstream({
    version: 'http/1',
    dial: async () => {
      const socket = connect(origin, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
  });
  closers.push(() => upstream.destroy());
  const ended = new Promise<ExchangeOutcome>((resolve) => {
    const rules: ForwardRules = { origProto: 'none', failed: (exchange) => exchange.respond({ status: 502, headers: [], close: true }) };
    void serve(engine, { version: 'http/1' }, (exchange) => exchange.forward(upstream, rules, { end: resolve })).then((port) => {
      const client = connect(port, '127.0.0.1');
      closers.push(() => client.destroy());
      client.on('error', () => undefined);
      client.write(`${who === 'client' ? 'GET' : 'PUT'} / HTTP/1.1\r\nhost: a\r\n${who === 'client' ? '' : 'content-length: 100000000\r\n'}\r\n`);
      if (who === 'client') client.pause();
      else for (let i = 0; i < 200; i++) client.write(Buffer.alloc(65_536));
    });
  });
  // Progress ends the wait, so it is looked at five times before a peer is given up; `drain` may come in between.
  const outcome = await Promise.race([
    ended,
    (async () => {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        for (const timer of waiting.splice(0)) timer.fire();
      }
    })(),
  ]);
  expect(outcome).toMatchObject(expected);
});

test('names the limit and the largest field with 431, in both versions', async () => {
  const engine = weftEngine();
  const http1 = await serve(engine, { version: 'http/1', maxHeaderBytes: 1024 }, ok);
  const answer = await talk(http1, `GET / HTTP/1.1\r\nhost: a\r\nx-small: 1\r\nCookie: ${'c'.repeat(2000)}\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 431 .*\r\n\r\nhead exceeds 1024 bytes; largest field: cookie \(2010 bytes\)\n$/s);
  const http2 = await serve(engine, { version: 'http/2', maxHeaderBytes: 1024 }, ok);
  const session = connectHttp2(`http://127.0.0.1:${http2}`);
  closers.push(() => session.destroy());
  const stream = session.request({ ':path': '/', 'x-large': 'y'.repeat(2000) });
  let body = '';
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  const [head] = await once(stream, 'response');
  await once(stream, 'end');
  expect((head as Record<string, unknown>)[':status']).toBe(431);
  expect(body).toContain('head exceeds 1024 bytes; largest field: x-large (');
});

test('reads connections that were paused when they were accepted, in both versions', async () => {
  const engine = weftEngine();
  const paused = (version: 'http/1' | 'http/2') =>
    listen((socket) => {
      socket.pause();
      engine.serve(socket, { version }, ok);
    });
  expect(await talk(await paused('http/1'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  const session = connectHttp2(`http://127.0.0.1:${await paused('http/2')}`);
  closers.push(() => session.destroy());
  const stream = session.request({ ':path': '/' });
  const [head] = await once(stream.resume(), 'response');
  expect((head as Record<string, unknown>)[':status']).toBe(200);
});

test('never sends more or less of a body than a rule announced', async () => {
  const engine = weftEngine();
  const origin = await listen((socket) =>
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n')),
  );
  for (const [length, end] of [
    ['4', /^RESET$/],
    ['5', /\r\n\r\nhello$/],
    ['6', /RESET$/],
  ] as const) {
    const upstream = engine.upstream({
      version: 'http/1',
      dial: async () => {
        const socket = connect(origin, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      },
    });
    closers.push(() => upstream.destroy());
    const rules: ForwardRules = {
      origProto: 'none',
      response: (head) => {
        head.headers = ['content-length', length, 'connection', 'close'];
      },
      failed: (exchange) => exchange.reset(2),
    };
    const port = await serve(engine, { version: 'http/1' }, (exchange) => exchange.forward(upstream, rules, null));
    expect(await talk(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /next HTTP/1.1\r\nhost: a\r\n\r\n')).toMatch(end);
  }
});

test('reads a request body that is not too long, for who answers by itself', async () => {
  const port = await serve(weftEngine(), { version: 'http/1' }, (exchange) => {
    void exchange.body?.(10).then((body) => exchange.respond({ status: body ? 200 : 413, headers: ['x-body', body?.toString() ?? ''], close: true }));
  });
  expect(await talk(port, 'PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello')).toContain('x-body: hello\r\n');
  expect(await talk(port, 'PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n')).toContain('x-body: hello\r\n');
  expect(await talk(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  expect(await talk(port, 'PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\nhello world')).toMatch(/^HTTP\/1\.1 413 /);
});

test('gives no body of a client that has gone', async () => {
  let read: Promise<Buffer | undefined> | undefined;
  const port = await serve(weftEngine(), { version: 'http/1' }, (exchange) => void (read = exchange.body?.(10)));
  const socket = connect(port, '127.0.0.1');
  socket.write('PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhel');
  await expect.poll(() => read !== undefined, { interval: 5 }).toBe(true);
  socket.destroy();
  expect(await read).toBeUndefined();
});

test('tells whether a session is open: after it was made, until the peer goes away or the connection is lost', async () => {
  const sessions: ServerHttp2Session[] = [];
  const origin = createHttp2Server();
  origin.on('session', (session) => sessions.push(session.on('error', () => undefined)));
  const port = await listen((socket) => void origin.emit('connection', socket));
  const links: Socket[] = [];
  const dial = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    links.push(socket);
    return socket;
  };
  const upstream = weftEngine().upstream({ version: 'http/2', dial });
  closers.push(() => upstream.destroy());
  expect(upstream.connected).toBe(false);
  await upstream.connect?.();
  expect(upstream.connected).toBe(true);
  while (sessions.length < 1) await once(origin, 'session');
  sessions[0]?.goaway();
  await expect.poll(() => upstream.connected, { interval: 5 }).toBe(false);
  await upstream.connect?.();
  expect([upstream.connected, links.length]).toEqual([true, 2]);
  links[1]?.destroy();
  await expect.poll(() => upstream.connected, { interval: 5 }).toBe(false);
});

test('refuses an upstream of another engine', async () => {
  const failures: unknown[] = [];
  const port = await serve(weftEngine(), { version: 'http/1' }, (exchange) => {
    try {
      exchange.forward({ inFlight: 0, close: () => undefined, destroy: () => undefined }, { origProto: 'none', failed: () => undefined }, null);
    } catch (error) {
      failures.push(error);
      exchange.respond({ status: 500, headers: [], close: true });
    }
  });
  expect(await talk(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')).toMatch(/^HTTP\/1\.1 500 /);
  expect(failures).toEqual([new TypeError('upstream belongs to another engine')]);
});
