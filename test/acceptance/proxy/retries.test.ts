// Retries by policy, by headers of the request and by the budget of a ServiceProfile. spec/proxy.md §7.6, §7.7, §9.4.
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ProfileRoute } from '@weft/core';
import { expect, test } from 'vitest';
import { ask, firstBytes, NAME, tcp, until } from './pair.ts';
import { sample } from './test-mesh.ts';
import { answerOf, grpcCall, http1App, http2App, retry503, retryUnavailable, type Scene, session, tried } from './tried-scene.ts';

/** Answers each request with the next status, the last one for all that follow. */
const statuses = (...list: number[]) => {
  const bodies: string[] = [];
  return {
    bodies,
    handler: (request: IncomingMessage, response: ServerResponse) => {
      void text(request).then((body) => {
        const status = list[Math.min(bodies.length, list.length - 1)] ?? 200;
        bodies.push(body);
        response.writeHead(status, { 'x-try': String(bodies.length) }).end(`answer ${bodies.length}`);
      });
    },
  };
};

const counted = ({ client }: Scene, protocol: 'http' | 'grpc' = 'http') => {
  const of = (name: string): number | undefined => sample(client.metrics, `outbound_${protocol}_route_retry_${name}_total`, 'route_name="route"');
  return [of('requests'), of('successes'), of('limit_exceeded'), of('overflow')];
};

test('tries again what the policy names, with the body, and gives the client the first good answer', async () => {
  await using scene = await tried([], { http: retry503() });
  const app = statuses(503, 500, 200);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  const answer = await ask(scene.port, { method: 'POST', body: 'the body' });
  expect([answer.status, answer.body, answer.headers['x-try']]).toEqual([200, 'answer 3', '3']);
  expect(app.bodies).toEqual(['the body', 'the body', 'the body']);
  expect(counted(scene)).toEqual([2, 1, 0, 0]);
  // Each try is a request to the endpoint, with a class of its own.
  expect(sample(scene.client.metrics, 'request_total', 'direction="outbound"')).toBe(3);
  expect(sample(scene.client.metrics, 'response_total', 'classification="failure"', 'status_code="503"')).toBe(1);
  expect(sample(scene.client.metrics, 'response_total', 'classification="success"', 'status_code="200"')).toBe(1);
});

test('relays the last answer when the limit is reached', async () => {
  await using scene = await tried([], { http: retry503() });
  const app = statuses(503, 502, 501, 200);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  const answer = await ask(scene.port);
  expect([answer.status, answer.body]).toEqual([501, 'answer 3']);
  expect(counted(scene)).toEqual([2, 0, 1, 0]);
});

test('waits between tries, longer each time', async () => {
  await using scene = await tried([], { http: retry503({ backoff: { minMs: 100, maxMs: 1_000, jitter: 0 } }) });
  const app = statuses(503, 503, 200);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  const answer = ask(scene.port);
  const pause = async (ms: number): Promise<void> => {
    const before = app.bodies.length;
    const pending = scene.clock.pending;
    await until(() => scene.clock.pending > pending - 1 && held(scene) === before);
    scene.clock.advance(ms - 1);
    expect(app.bodies).toHaveLength(before);
    scene.clock.advance(1);
    await until(() => app.bodies.length === before + 1);
  };
  await until(() => app.bodies.length === 1);
  await pause(100);
  await pause(200);
  expect((await answer).status).toBe(200);
});

/** Answers that came from the endpoint. */
const held = ({ client }: Scene): number => sample(client.metrics, 'response_total', 'direction="outbound"') ?? 0;

test('leaves what the policy does not name, and errors that another try would not mend', async () => {
  await using scene = await tried([], { http: retry503({ conditions: { statusRanges: [{ start: 503, end: 503 }] } }) });
  const app = statuses(500);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  expect((await ask(scene.port)).status).toBe(500);
  expect(app.bodies).toHaveLength(1);
  expect(counted(scene)).toEqual([0, 0, 0, 0]);
});

test('takes an endpoint that breaks off for the 502 that the client would get', async () => {
  await using scene = await tried([], { http: retry503({ conditions: { statusRanges: [{ start: 502, end: 502 }] } }) });
  let connections = 0;
  const port = await scene.mesh.listen((socket) => {
    connections += 1;
    socket.once('data', () => (connections < 3 ? socket.destroy() : socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine')));
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  expect(await ask(scene.port, { method: 'POST', body: 'body' })).toMatchObject({ status: 200, body: 'fine' });
  expect(counted(scene)).toEqual([2, 1, 0, 0]);
  expect(sample(scene.client.metrics, 'response_total', 'classification="failure"', 'status_code="502"')).toBe(2);
});

test('tries a request of which nothing was answered at another endpoint, or says so when none is there', async () => {
  await using scene = await tried([], { http: retry503(), failfastMs: 500 });
  scene.mesh.control.endpointsOf(NAME).set([]);
  const answer = ask(scene.port, { method: 'PUT', body: 'body' });
  await until(() => scene.mesh.control.endpointsOf(NAME).references > 0);
  scene.clock.advance(500);
  const { status, headers } = await answer;
  expect(status).toBe(504);
  expect(headers['l5d-proxy-error']).toMatch(/^NO_ENDPOINTS/);
  expect(counted(scene)).toEqual([0, 0, 0, 1]);
});

test('does not try a body again that is too long, by its own account or in fact', async () => {
  await using scene = await tried([], { http: retry503({ maxRequestBytes: 10 }) });
  const app = statuses(503, 503, 200);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  expect((await ask(scene.port, { method: 'POST', body: '12345678901', headers: { 'content-length': '11' } })).status).toBe(503);
  expect((await ask(scene.port, { method: 'POST', body: 'x'.repeat(100_000), headers: { 'transfer-encoding': 'chunked' } })).status).toBe(503);
  expect(app.bodies.map((body) => body.length)).toEqual([11, 100_000]);
});

test('tries a request again whose body is still coming where nothing was answered, and not where something was', async () => {
  const statusRanges = [{ start: 502, end: 503 }];
  await using scene = await tried([], { http: retry503({ conditions: { statusRanges } }) });
  const got: string[] = [];
  const port = await scene.mesh.listen((socket) => {
    const index = got.push('') - 1;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      got[index] += chunk.toString('latin1');
      const text = got[index] ?? '';
      if (index === 0 && text.endsWith('half ')) socket.resetAndDestroy();
      if (index === 1 && text.endsWith('whole')) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfine');
      if (index === 2 && text.endsWith('half ')) socket.write('HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy');
    });
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  const half = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf ';
  const unanswered = await tcp(scene.port);
  unanswered.write(half);
  await until(() => got[1]?.endsWith('half ') === true);
  const answer = firstBytes(unanswered);
  unanswered.write('whole');
  expect(await answer).toMatch(/^HTTP\/1.1 200 /);
  unanswered.destroy();
  expect(got[1]).toMatch(/\r\n\r\nhalf whole$/);
  expect(counted(scene)).toEqual([1, 1, 0, 0]);
  const answered = await tcp(scene.port);
  answered.write(half);
  expect(await firstBytes(answered)).toMatch(/^HTTP\/1.1 503 /);
  answered.destroy();
  expect(got).toHaveLength(3);
  expect(counted(scene)).toEqual([1, 1, 0, 0]);
});

test('tries a refused stream again whose body is still coming', async () => {
  await using scene = await tried([], { http: retry503(), version: 'http2' });
  const got: string[] = [];
  const port = await http2App(scene.mesh, (stream) => {
    const index = got.push('') - 1;
    stream.on('data', (chunk: Buffer) => {
      got[index] += chunk.toString();
      if (index === 0) stream.close(7);
    });
    stream.on('end', () => {
      if (index > 0) stream.respond({ ':status': 200 }, { endStream: true });
    });
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  const stream = session(scene).request({ ':path': '/', ':method': 'POST', ':authority': NAME });
  const answer = answerOf(stream);
  stream.write('half ');
  await until(() => got[1] === 'half ');
  stream.end('whole');
  expect((await answer).headers[':status']).toBe(200);
  expect(got).toEqual(['half ', 'half whole']);
});

test('goes on with the connection of the client, whose requests stay apart', async () => {
  await using scene = await tried([], { http: retry503() });
  const app = statuses(503, 200, 503, 503, 503, 200);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const got = [];
  for (let i = 0; i < 3; i += 1) got.push((await ask(scene.port, { agent, method: 'POST', body: `body ${i}` })).body);
  agent.destroy();
  expect(got).toEqual(['answer 2', 'answer 5', 'answer 6']);
  expect(app.bodies).toEqual(['body 0', 'body 0', 'body 1', 'body 1', 'body 1', 'body 2']);
});

test('leaves l5d headers alone unless the route allows them', async () => {
  for (const allowL5dHeaders of [false, true]) {
    await using scene = await tried([], { allowL5dHeaders });
    const seen: unknown[] = [];
    const port = await http1App(scene.mesh, (request, response) => {
      seen.push(request.headers['l5d-retry-http'] ?? null, request.headers['l5d-timeout'] ?? null);
      response.writeHead(503).end();
    });
    scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
    const answer = ask(scene.port, { headers: { 'l5d-retry-http': '503', 'l5d-retry-limit': '1', 'l5d-timeout': '10s' } });
    if (allowL5dHeaders) {
      await until(() => held(scene) === 1 && scene.clock.pending > 1);
      scene.clock.advance(250);
    }
    expect((await answer).status).toBe(503);
    expect(seen).toEqual(allowL5dHeaders ? [null, null, null, null] : ['503', '10s']);
    expect(counted(scene)).toEqual(allowL5dHeaders ? [1, 0, 1, 0] : [0, 0, 0, 0]);
  }
});

test('tries gRPC again by its code, in the head and in the trailers', async () => {
  await using scene = await tried([], { grpc: retryUnavailable() });
  let tries = 0;
  const port = await http2App(scene.mesh, (stream) => {
    tries += 1;
    stream.resume();
    if (tries === 1) stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }, { endStream: true });
    else {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': tries === 2 ? '14' : '0' }));
      if (tries === 2) stream.end();
      else {
        stream.write('one');
        stream.write('two');
        stream.end('three');
      }
    }
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  const answer = await answerOf(grpcCall(session(scene)));
  expect(answer).toMatchObject({ body: 'onetwothree', trailers: { 'grpc-status': '0' } });
  expect(tries).toBe(3);
  expect(counted(scene, 'grpc')).toEqual([2, 1, 0, 0]);
  expect(sample(scene.client.metrics, 'response_total', 'grpc_status="14"')).toBe(2);
});

test('does not wait for trailers that do not come with the first frame', async () => {
  await using scene = await tried([], { grpc: retryUnavailable() });
  let finish: (() => void) | undefined;
  const port = await http2App(scene.mesh, (stream) => {
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '14' }));
    stream.write('first');
    finish = () => stream.end();
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  const stream = grpcCall(session(scene));
  const answered = answerOf(stream);
  await new Promise((resolve) => stream.once('data', resolve));
  finish?.();
  expect((await answered).trailers).toEqual(expect.objectContaining({ 'grpc-status': '14' }));
  expect(counted(scene, 'grpc')).toEqual([0, 0, 0, 0]);
});

test('tries a refused stream again, and passes on other resets', async () => {
  await using scene = await tried([], { http: retry503(), version: 'http2' });
  let tries = 0;
  const port = await http2App(scene.mesh, (stream, headers) => {
    tries += 1;
    if (headers[':path'] === '/cancel') stream.close(8);
    else if (tries < 3) stream.close(7);
    else stream.respond({ ':status': 200 }, { endStream: true });
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  const client = session(scene);
  const get = (path: string) => answerOf(client.request({ ':path': path, ':authority': NAME }));
  expect((await get('/refused')).headers[':status']).toBe(200);
  expect(tries).toBe(3);
  expect((await get('/cancel')).rstCode).toBe(8);
  expect(tries).toBe(4);
});

test('does nothing more for a client that is gone', async () => {
  await using scene = await tried([], { http: retry503({ backoff: { minMs: 100, maxMs: 100, jitter: 0 } }) });
  const app = statuses(503);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  const aborted = new AbortController();
  const gone = fetch(`http://127.0.0.1:${scene.port}/`, { signal: aborted.signal }).catch(() => 'gone');
  await until(() => held(scene) === 1);
  aborted.abort();
  expect(await gone).toBe('gone');
  await until(() => (sample(scene.client.metrics, 'tcp_close_total', 'peer="src"') ?? 0) > 0);
  // Whatever is noticed late, with a timer of its own, has had its time as well.
  await until(() => {
    scene.clock.advance(1_000);
    return scene.clock.pending <= 1;
  });
  expect(app.bodies).toHaveLength(1);
  expect(counted(scene)).toEqual([0, 0, 0, 0]);
});

const profile = (more: Partial<ProfileRoute> = {}, retryBudget = { retryRatio: 0.1, minRetriesPerSecond: 1, ttlMs: 1_000 }) => ({
  profile: {
    routes: [{ condition: { kind: 'all' as const, of: [] }, responseClasses: [], labels: { route: 'any' }, isRetryable: true, ...more }],
    retryBudget,
  },
});
const retryable = ({ client }: Scene): (number | undefined)[] => [
  sample(client.metrics, 'route_retryable_total', 'rt_route="any"', `dst="${NAME}"`),
  sample(client.metrics, 'route_retryable_total', 'rt_route="any"', 'skipped="no_budget"'),
];

test('tries what a profile calls a failure as often as its budget allows', async () => {
  await using scene = await tried([], profile());
  const app = statuses(533, 200, 533, 200);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  expect((await ask(scene.port, { method: 'POST', body: 'body' })).body).toBe('answer 2');
  expect((await ask(scene.port)).status).toBe(533);
  expect((await ask(scene.port)).status).toBe(200);
  expect(sample(scene.client.metrics, 'route_retryable_total', 'skipped="no_budget"')).toBe(1);
  expect(retryable(scene)[1]).toBe(1);
  // Three requests in four tries.
  const route = ['direction="outbound"', 'rt_route="any"', `dst="${NAME}"`];
  expect(sample(scene.client.metrics, 'route_request_total', ...route)).toBe(3);
  expect(sample(scene.client.metrics, 'route_response_total', ...route, 'status_code="200"', 'classification="success"')).toBe(2);
  expect(sample(scene.client.metrics, 'route_response_total', ...route, 'status_code="533"', 'classification="failure"')).toBe(1);
  expect(sample(scene.client.metrics, 'request_total', 'direction="outbound"')).toBe(4);
  scene.clock.advance(1_000);
});

test('the routes of a profile share its budget', async () => {
  const route = (path: string): ProfileRoute => ({
    condition: { kind: 'path', regex: path },
    responseClasses: [],
    labels: { route: path },
    isRetryable: true,
  });
  const retryBudget = { retryRatio: 0, minRetriesPerSecond: 1, ttlMs: 1_000 };
  await using scene = await tried([], { profile: { routes: [route('/a'), route('/b')], retryBudget } });
  const app = statuses(533);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  expect((await ask(scene.port, { path: '/a' })).body).toBe('answer 2');
  expect((await ask(scene.port, { path: '/b' })).body).toBe('answer 3');
  expect((await ask(scene.port, { path: '/a' })).body).toBe('answer 4');
  expect(sample(scene.client.metrics, 'route_retryable_total', 'rt_route="/b"', 'skipped="no_budget"')).toBe(1);
});

test('counts every request towards the budget of a profile, also one that is too long to be sent again, or that nobody answers', async () => {
  await using scene = await tried([], profile({}, { retryRatio: 1, minRetriesPerSecond: 0, ttlMs: 60_000 }));
  const port = await http1App(scene.mesh, (request, response) => {
    request.resume();
    if (request.url === '/long') request.on('end', () => response.end('fine'));
    else response.writeHead(533).end();
  });
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  const tries = (): number => sample(scene.client.metrics, 'request_total', 'direction="outbound"') ?? 0;
  expect((await ask(scene.port)).status).toBe(533);
  expect(tries()).toBe(1);
  expect((await ask(scene.port, { path: '/long', method: 'POST', body: 'x'.repeat(64 * 1024 + 1) })).body).toBe('fine');
  expect(tries()).toBe(2);
  expect((await ask(scene.port)).status).toBe(533);
  expect(tries()).toBe(4);
  scene.mesh.control.endpointsOf(NAME).set([]);
  let nobody: number | undefined;
  void ask(scene.port).then(({ status }) => (nobody = status));
  await until(() => {
    scene.clock.advance(500);
    return nobody !== undefined;
  });
  expect(nobody).toBe(504);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(port)]);
  expect((await ask(scene.port)).status).toBe(533);
  expect(tries()).toBe(6);
});

test('goes by the first response class that matches, and does not try successes again', async () => {
  const range = (min: number, max: number) => ({ kind: 'status' as const, min, max });
  const responseClasses = [
    { condition: range(533, 533), isFailure: false },
    { condition: range(500, 599), isFailure: true },
  ];
  await using scene = await tried([], profile({ responseClasses }));
  const app = statuses(533);
  scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
  expect((await ask(scene.port)).status).toBe(533);
  expect(app.bodies).toHaveLength(1);
});

test('does not retry by a budget that is out of range', async () => {
  for (const bad of [{ ttlMs: 999 }, { ttlMs: 60_001 }, { retryRatio: -1 }, { retryRatio: 1_000.1 }]) {
    await using scene = await tried([], profile({}, { retryRatio: 1, minRetriesPerSecond: 10, ttlMs: 10_000, ...bad }));
    const app = statuses(533);
    scene.mesh.control.endpointsOf(NAME).set([scene.endpoint(await http1App(scene.mesh, app.handler))]);
    expect((await ask(scene.port)).status).toBe(533);
    expect(app.bodies).toHaveLength(1);
  }
});
