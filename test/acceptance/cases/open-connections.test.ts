// What requests on a connection that is already open meet: another policy, and routes by host where none is named.
// spec/proxy.md §4.6 (outbound server), §4.3, §7.1.
import { defaultMetadata } from '@weft/core';
import { expect } from 'vitest';
import { getHttp2, http2Session } from '../process/applications.ts';
import { alone, NAME, SERVICE, scripted } from '../process/scenes.ts';
import { balanced, clientPolicy, detectPolicy, firstOf, httpProtocol, opaqueProtocol } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';
import { streams } from './http2-application.ts';
import { ask, header, type Message, OK, wireApplication, wireTo } from './wire.ts';

const FAILING = detectPolicy({ kind: 'fail', message: 'the backend is invalid' });
const SOON = { timeout: 5_000, interval: 20 };

acceptanceCase('a backend that fails is met by an open connection (http1)', async () => {
  await using app = await wireApplication(() => OK);
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  using wire = wireTo(proxy.outboundAddress(SERVICE));
  const asked = (): Promise<Message> => {
    wire.write(request);
    return wire.message();
  };
  const request = 'GET / HTTP/1.1\r\nhost: server\r\n\r\n';
  expect((await asked()).start).toBe('HTTP/1.1 200 OK');
  control.outboundOf(SERVICE).set(FAILING);
  let answer = await asked();
  await expect.poll(async () => (answer.start.includes(' 200 ') ? (answer = await asked()) : answer).start, SOON).toBe('HTTP/1.1 502 Bad Gateway');
  expect([header(answer, 'connection'), header(answer, 'l5d-proxy-connection')]).toEqual(['close', 'close']);
  expect(app.requests.length).toBeGreaterThan(0);
});

acceptanceCase('a backend that fails is met by an open connection (http2)', async () => {
  await using app = await streams((stream) => {
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  using session = http2Session(proxy.outboundAddress(SERVICE));
  const head = { ':path': '/', ':authority': 'server' };
  expect((await getHttp2(session, head)).status).toBe(200);
  const grpc = { ...head, ':method': 'POST', 'content-type': 'application/grpc' };
  control.outboundOf(SERVICE).set(FAILING);
  // It says goodbye with the first failure, so that there is one of them.
  let found = await getHttp2(session, grpc);
  await expect
    .poll(async () => (found.headers['grpc-status'] === undefined ? (found = await getHttp2(session, grpc)) : found).headers['grpc-status'], SOON)
    .toBe('14');
  expect([found.status, found.headers['l5d-proxy-connection']]).toEqual([200, 'close']);
});

acceptanceCase('hosts of routes are compared with the address where HTTP/1 names none', async () => {
  await using app = await wireApplication(() => OK);
  await using control = await scripted().start();
  const to = firstOf(balanced(NAME));
  const all = httpProtocol({ to });
  const byHost = {
    routes: all.routes.map((route) => ({ ...route, metadata: defaultMetadata('by-host'), hosts: [{ kind: 'exact' as const, host: '10.43.0.7' }] })),
  };
  control.outboundOf(SERVICE).set(clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(to), http1: byHost, http2: byHost }));
  await using proxy = await alone(control, app.port);
  const at = proxy.outboundAddress(SERVICE);
  expect((await ask(at, 'GET / HTTP/1.1\r\nhost: elsewhere\r\n\r\n')).start).toBe('HTTP/1.1 404 Not Found');
  expect((await ask(at, 'GET / HTTP/1.1\r\nhost: 10.43.0.7\r\n\r\n')).start).toBe('HTTP/1.1 200 OK');
  expect((await ask(at, 'GET / HTTP/1.0\r\n\r\n')).start).toContain(' 200 OK');
});
