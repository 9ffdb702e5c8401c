// Timeouts of requests, responses and idle streams, before and after the head, in each protocol. spec/proxy.md §7.5, §4.6.
import type { ServerResponse } from 'node:http';
import { Agent } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { expect, test } from 'vitest';
import { ask, NAME, tcp, until } from './pair.ts';
import { sample } from './test-mesh.ts';
import { answerOf, grpcCall, http1App, http2App, type RuleOptions, retry503, type Scene, session, tried } from './tried-scene.ts';

interface Silent extends Scene {
  readonly responses: ServerResponse[];
}

/** An application of HTTP/1 that answers when it is told. */
async function silent(options: RuleOptions): Promise<Silent> {
  const scene = await tried([], options);
  const responses: ServerResponse[] = [];
  const port = await http1App(scene.mesh, (request, response) => {
    request.resume();
    responses.push(response);
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  return { ...scene, responses, [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() };
}

interface SilentStreams extends Scene {
  readonly streams: ServerHttp2Stream[];
  readonly closed: Promise<number>[];
  /** Bytes of all requests. */
  readonly received: number;
}

async function silentStreams(options: RuleOptions): Promise<SilentStreams> {
  const scene = await tried([], { version: 'http2', ...options });
  const streams: ServerHttp2Stream[] = [];
  const closed: Promise<number>[] = [];
  let received = 0;
  const port = await http2App(scene.mesh, (stream) => {
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    closed.push(new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode ?? 0))));
    streams.push(stream);
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  return {
    ...scene,
    streams,
    closed,
    get received() {
      return received;
    },
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}

const requests = ({ client }: Scene): number => sample(client.metrics, 'request_total', 'direction="outbound"') ?? 0;
const timedOut = ({ client }: Scene): unknown[] => [
  sample(client.metrics, 'response_total', 'error="timeout"', 'classification="failure"'),
  sample(client.metrics, 'outbound_http_errors_total', 'error="response timeout"'),
];

/** The answer to the first request, for which nothing happens before its time. */
async function answeredAt(ms: number, scene: Awaited<ReturnType<typeof silent>>, answer: ReturnType<typeof ask>): ReturnType<typeof ask> {
  await until(() => scene.responses.length === 1);
  scene.clock.advance(ms - 1);
  expect(timedOut(scene)).toEqual([0, 0]);
  scene.clock.advance(5);
  return answer;
}

test.each([
  ['request', { requestMs: 100 }],
  ['response', { responseMs: 100 }],
] as const)('answers 504 at the %s timeout, says which and how long, and goes on with the connection', async (kind, timeouts) => {
  await using scene = await silent({ timeouts });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answer = ask(scene.port, { agent });
  const { status, headers } = await answeredAt(100, scene, answer);
  expect(status).toBe(504);
  expect(headers['l5d-proxy-error']).toMatch(new RegExp(`^RESPONSE_TIMEOUT: .*: ${kind} timeout of 100 ms; route default/route of default/test$`));
  expect(headers['l5d-proxy-connection']).toBeUndefined();
  expect(timedOut(scene)).toEqual([1, 1]);
  const second = ask(scene.port, { agent });
  await until(() => scene.responses.length === 2);
  scene.responses[1]?.end('in time');
  expect((await second).body).toBe('in time');
  expect(sample(scene.client.metrics, 'tcp_open_total', 'peer="src"')).toBe(1);
  agent.destroy();
});

test('counts the request timeout while nothing takes the request', async () => {
  await using scene = await silent({ timeouts: { requestMs: 100 }, failfastMs: 10_000 });
  scene.mesh.control.endpointsOf(NAME).set([]);
  const answer = ask(scene.port);
  await until(() => scene.mesh.control.endpointsOf(NAME).references > 0);
  scene.clock.advance(105);
  expect((await answer).headers['l5d-proxy-error']).toMatch(/request timeout of 100 ms/);
});

test('the request timeout bounds a request that is not sent to its end; the response timeout does not', async () => {
  for (const [timeouts, bounded] of [
    [{ requestMs: 100 }, true],
    [{ responseMs: 100 }, false],
  ] as const) {
    await using scene = await silent({ timeouts });
    const socket = await tcp(scene.port);
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf ');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await until(() => scene.responses.length === 1);
    scene.clock.advance(1_000);
    if (bounded) await until(() => text.includes('\r\n\r\n'));
    else {
      socket.write('whole');
      await until(() => scene.clock.pending > 1);
      scene.responses[0]?.end('fine');
      await until(() => text.endsWith('fine'));
    }
    expect(text.slice(0, 12)).toBe(bounded ? 'HTTP/1.1 504' : 'HTTP/1.1 200');
    socket.destroy();
  }
});

test.each([
  ['request', { requestMs: 100 }],
  ['response', { responseMs: 100 }],
  ['idle', { idleMs: 100 }],
] as const)('breaks off a response of HTTP/1 at the %s timeout', async (_kind, timeouts) => {
  await using scene = await silent({ timeouts });
  const socket = await tcp(scene.port);
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => scene.responses.length === 1);
  scene.responses[0]?.write('part');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(() => text.endsWith('part\r\n'));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  scene.clock.advance(105);
  await closed;
  expect(text.endsWith('part\r\n')).toBe(true);
  expect(timedOut(scene)).toEqual([1, 1]);
});

test('resets a stream of HTTP/2 on both sides when its response is late', async () => {
  await using scene = await silentStreams({ timeouts: { responseMs: 100 } });
  const stream = session(scene).request({ ':path': '/', ':authority': NAME });
  const answer = answerOf(stream);
  await until(() => scene.streams.length === 1);
  scene.streams[0]?.respond({ ':status': 200 });
  scene.streams[0]?.write('part');
  await new Promise((resolve) => stream.once('data', resolve));
  scene.clock.advance(105);
  expect(await answer).toMatchObject({ rstCode: 2 });
  expect(await scene.closed[0]).toBe(8);
  expect(timedOut(scene)).toEqual([1, 1]);
});

test('answers gRPC with DEADLINE_EXCEEDED, in the head or in trailers', async () => {
  await using scene = await silentStreams({ timeouts: { requestMs: 100 } });
  const client = session(scene);
  const early = answerOf(grpcCall(client));
  await until(() => scene.streams.length === 1);
  scene.clock.advance(105);
  expect((await early).headers).toMatchObject({ ':status': 200, 'grpc-status': '4', 'grpc-message': expect.stringContaining('request timeout of 100 ms') });
  const stream = grpcCall(client);
  const late = answerOf(stream);
  await until(() => scene.streams.length === 2);
  scene.streams[1]?.respond({ ':status': 200, 'content-type': 'application/grpc' });
  scene.streams[1]?.write('part');
  await new Promise((resolve) => stream.once('data', resolve));
  scene.clock.advance(105);
  expect(await late).toMatchObject({ body: 'part', trailers: { 'grpc-status': '4', 'grpc-message': expect.stringContaining('100 ms') }, rstCode: 0 });
  expect(await Promise.all(scene.closed)).toEqual([8, 8]);
});

test('a stream is idle when no frame goes either way', async () => {
  await using scene = await silentStreams({ timeouts: { idleMs: 100 } });
  const stream = session(scene).request({ ':path': '/', ':method': 'POST', ':authority': NAME });
  const answer = answerOf(stream);
  let got = 0;
  stream.on('data', (chunk: Buffer) => (got += chunk.length));
  await until(() => scene.streams.length === 1);
  for (let i = 1; i <= 4; i += 1) {
    scene.clock.advance(80);
    stream.write('up');
    await until(() => scene.received === i * 2);
  }
  scene.streams[0]?.respond({ ':status': 200 });
  for (let i = 1; i <= 4; i += 1) {
    scene.clock.advance(80);
    scene.streams[0]?.write('down');
    await until(() => got === i * 4);
  }
  scene.clock.advance(105);
  expect((await answer).rstCode).toBe(2);
});

test('gives each try the time to its head, but the last one what it takes', async () => {
  await using scene = await silent({ http: retry503({ maxRetries: 1, timeoutMs: 100 }) });
  const answer = ask(scene.port);
  await until(() => scene.responses.length === 1);
  scene.clock.advance(105);
  await until(() => scene.responses.length === 2);
  scene.clock.advance(10_000);
  scene.responses[1]?.end('at last');
  expect((await answer).body).toBe('at last');
  expect(requests(scene)).toBe(2);
  expect(timedOut(scene)).toEqual([1, 0]);
  expect(sample(scene.client.metrics, 'outbound_http_route_retry_successes_total')).toBe(1);
});

const UPGRADE = ['GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n', '101 Fine\r\nconnection: upgrade\r\nupgrade: echo'] as const;
const CONNECT = ['CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n', '200 Fine'] as const;

test.each([{ requestMs: 100 }, { responseMs: 100 }, { idleMs: 100 }])('%j is not counted in a tunnel', async (timeouts) => {
  for (const [request, head] of [UPGRADE, CONNECT]) {
    await using scene = await tried([], { timeouts, http: retry503({ timeoutMs: 50 }) });
    const port = await scene.mesh.listen((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 ${head}\r\n\r\n`);
        socket.pipe(socket);
      });
    });
    scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
    const socket = await tcp(scene.port);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.write(request);
    await until(() => text.endsWith('\r\n\r\n'));
    expect(text.split(' ')[1]).toBe(head.split(' ')[0]);
    for (let i = 1; i <= 3; i += 1) {
      scene.clock.advance(1_000);
      socket.write(`echo ${i}`);
      await until(() => text.endsWith(`echo ${i}`));
    }
    expect(timedOut(scene)).toEqual([0, 0]);
    socket.destroy();
  }
});

test('a response timeout that is shorter than that of a try ends the request, and no other try follows', async () => {
  await using scene = await silent({ http: retry503({ maxRetries: 1, timeoutMs: 1_000 }), timeouts: { responseMs: 100 } });
  const answer = ask(scene.port);
  const { status, headers } = await answeredAt(100, scene, answer);
  expect(status).toBe(504);
  expect(headers['l5d-proxy-error']).toMatch(/response timeout of 100 ms/);
  expect(requests(scene)).toBe(1);
  expect(timedOut(scene)).toEqual([1, 1]);
});

test('gives the first try its time even where no other can follow', async () => {
  for (const [retry, body] of [
    [{ maxRetries: 0 }, 'body'],
    [{ maxRetries: 2, maxRequestBytes: 3 }, 'body'],
  ] as const) {
    await using scene = await silent({ http: retry503({ ...retry, timeoutMs: 100 }) });
    const answer = ask(scene.port, { method: 'POST', body, headers: { 'content-length': '4' } });
    await until(() => scene.responses.length === 1);
    await until(() => scene.clock.pending > 1);
    scene.clock.advance(105);
    const { status, headers } = await answer;
    expect(status).toBe(504);
    expect(headers['l5d-proxy-error']).toMatch(/response headers timeout of 100 ms/);
    expect(requests(scene)).toBe(1);
  }
});

test('the request timeout spans all tries', async () => {
  await using scene = await silent({ http: retry503({ maxRetries: 5, timeoutMs: 100 }), timeouts: { requestMs: 250 } });
  const answer = ask(scene.port);
  for (let i = 1; i <= 3; i += 1) {
    await until(() => scene.responses.length === i);
    scene.clock.advance(i < 3 ? 100 : 50);
    scene.clock.advance(4);
  }
  const { status, headers } = await answer;
  expect(status).toBe(504);
  expect(headers['l5d-proxy-error']).toMatch(/request timeout of 250 ms/);
  expect(requests(scene)).toBe(3);
});

test('ends the wait for another try when the time of the request is over', async () => {
  await using scene = await silent({ http: retry503({ backoff: { minMs: 1_000, maxMs: 1_000, jitter: 0 } }), timeouts: { requestMs: 100 } });
  const answer = ask(scene.port);
  await until(() => scene.responses.length === 1);
  scene.responses[0]?.writeHead(503).end('no');
  await until(() => (sample(scene.client.metrics, 'response_total', 'status_code="503"') ?? 0) === 1);
  scene.clock.advance(105);
  expect((await answer).status).toBe(504);
  expect(scene.responses).toHaveLength(1);
});

test('the timeout of a profile is for the head, and closes the connection', async () => {
  const routes = [{ condition: { kind: 'all' as const, of: [] }, responseClasses: [], labels: {}, isRetryable: false, timeoutMs: 100 }];
  await using scene = await silent({ profile: { routes } });
  const answer = ask(scene.port);
  await until(() => scene.responses.length === 1);
  scene.clock.advance(105);
  const { status, headers } = await answer;
  expect([status, headers['l5d-proxy-connection']]).toEqual([504, 'close']);
  expect(headers['l5d-proxy-error']).toMatch(/^PROFILE_TIMEOUT/);
  expect(sample(scene.client.metrics, 'route_response_total', 'direction="outbound"', 'error="timeout"', 'classification="failure"')).toBe(1);
  expect(timedOut(scene)[0]).toBe(1);
  const slow = ask(scene.port);
  await until(() => scene.responses.length === 2);
  scene.responses[1]?.write('first ');
  await until(() => (sample(scene.client.metrics, 'response_latency_ms_count', 'status_code="200"') ?? 0) === 1);
  scene.clock.advance(1_000);
  scene.responses[1]?.end('last');
  expect((await slow).body).toBe('first last');
});
