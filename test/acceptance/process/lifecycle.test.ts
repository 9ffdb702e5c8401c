// What changes under a running proxy: the control plane goes and comes, the address book grows, the process ends. spec/proxy.md §1.5, §10.2, §10.4.
import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { balanced, detectPolicy, onlyFor, openToAll } from '../proxy/policies.ts';
import { get, httpApplication, received } from './applications.ts';
import { readyProxy } from './proxy-process.ts';
import { alone, NAME, pair, SERVICE, scripted } from './scenes.ts';

const names = (...ports: readonly number[]) => ports.map((port) => ({ address: { ip: '10.42.0.9', port }, weight: 1, labels: {}, hint: 'none' as const }));

test('without its control plane a proxy serves what it last knew, and catches up when it is back', async () => {
  await using first = await httpApplication((_message, response) => void response.end('first'));
  await using second = await httpApplication((_message, response) => void response.end('second'));
  const control = await scripted()
    .endpoints(NAME, ...names(8080))
    .start();
  const dial = { '10.42.0.9:8080': `127.0.0.1:${first.port}`, '10.42.0.9:8081': `127.0.0.1:${second.port}` };
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial });
  const ask = () => get(proxy.outboundPort(SERVICE));
  expect(await ask()).toMatchObject({ status: 200, body: 'first' });
  await control.stop();
  await proxy.log(/^a discovery stream ended/);
  expect(await ask()).toMatchObject({ status: 200, body: 'first' });
  expect((await proxy.admin('/ready')).status).toBe(200);
  await using again = await scripted()
    .authority(control.authority)
    .port(control.address.port)
    .endpoints(NAME, ...names(8081))
    .start();
  await vi.waitFor(async () => expect((await ask()).body).toBe('second'), { timeout: 5_000, interval: 20 });
  expect(again.requests).toContain(`Get ${NAME}`);
});

test('endpoints and inbound policy change under running traffic', async () => {
  await using app = await httpApplication();
  await using control = await scripted().inbound(8080, openToAll()).start();
  await using both = await pair(control, app.port);
  const ask = async () => (await get(both.client.outboundPort(SERVICE))).status;
  expect(await ask()).toBe(200);
  control.inboundOf(8080).set(onlyFor('somebody.else'));
  await vi.waitFor(async () => expect(await ask()).toBe(403), { timeout: 5_000, interval: 20 });
  expect(await both.server.metric('inbound_http_authz_deny_total', { client_id: both.client.identity, target_port: '8080' })).toBeGreaterThan(0);
  control.inboundOf(8080).set(onlyFor(both.client.identity));
  await vi.waitFor(async () => expect(await ask()).toBe(200), { timeout: 5_000, interval: 20 });
});

test('a listener that is added to the address book is opened, and one that is removed is closed', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  const other = '10.43.0.8:80';
  control.outboundOf(other).set(detectPolicy(balanced(NAME)));
  const free = await freePort();
  proxy.rewrite((book) => ({ ...book, outbound: [...(book.outbound ?? []), { listen: `127.0.0.1:${free}`, originalDst: other }] }));
  await vi.waitFor(async () => expect((await get(free)).status).toBe(200), { timeout: 5_000, interval: 20 });
  expect((await get(proxy.outboundPort(SERVICE))).status).toBe(200);
  proxy.rewrite((book) => ({ ...book, outbound: (book.outbound ?? []).slice(0, 1) }));
  await vi.waitFor(() => expect(get(free)).rejects.toThrow('ECONNREFUSED'), { timeout: 5_000, interval: 20 });
  expect((await get(proxy.outboundPort(SERVICE))).status).toBe(200);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s lets the request in flight finish, accepts no other, and ends with 0', async (signal) => {
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  await using app = await httpApplication((_message, response) => {
    answer();
    void released.then(() => response.end('finished'));
  });
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  const inFlight = get(proxy.outboundPort(SERVICE));
  const idle = connect(proxy.outboundPort(SERVICE), '127.0.0.1');
  await asked;
  proxy.signal(signal);
  await proxy.log(/^shutting down$/);
  await vi.waitFor(() => expect(get(proxy.outboundPort(SERVICE))).rejects.toThrow('ECONNREFUSED'), { timeout: 5_000, interval: 10 });
  release();
  expect(await inFlight).toMatchObject({ status: 200, body: 'finished' });
  idle.destroy();
  expect(await proxy.exited).toBe(0);
});

test('a drain ends with its grace period, and open relays with it', async () => {
  await using app = await httpApplication(() => undefined);
  await using control = await scripted().start();
  await using proxy = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: { '10.99.0.1:80': 'elsewhere:80' },
    dial: { '10.99.0.1:80': `127.0.0.1:${app.port}` },
    env: { LINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD: '200ms' },
  });
  const socket = connect(proxy.outboundPort('10.99.0.1:80'), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: elsewhere\r\n\r\n');
  const ended = received(socket).catch(() => 'cut off');
  await proxy.metric('tcp_open_connections');
  proxy.signal('SIGTERM');
  expect(await proxy.exited).toBe(0);
  await ended;
});

/** A port that was free a moment ago: listeners of the book are bound by the proxy. */
async function freePort(): Promise<number> {
  const app = await httpApplication();
  await app[Symbol.asyncDispose]();
  return app.port;
}
