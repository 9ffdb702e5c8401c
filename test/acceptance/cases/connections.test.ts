// Which connections to the application are shared, and what happens where there is none. spec/proxy.md §4.2, §4.6, §10.1.
import { expect } from 'vitest';
import { getHttp2, http2Application, http2Session } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { behind, pair, SERVICE, scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { deserted } from './ways.ts';
import { ask, header, OK, wireApplication, wireTo } from './wire.ts';

acceptanceCase('http10_without_host', async () => {
  await using app = await wireApplication(() => 'HTTP/1.0 200 OK\r\n\r\n');
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  expect((await ask(proxy.inboundAddress(8080), 'GET / HTTP/1.0\r\nx-so-that-it-is-long: enough\r\n\r\n')).start).toMatch(/^HTTP\/1\.0 200/);
  expect(app.requests.map((request) => [request.start, header(request, 'host')])).toEqual([['GET / HTTP/1.0', undefined]]);
});

acceptanceCase('http1_one_connection_per_host', async () => {
  await using app = await wireApplication(() => OK);
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  using wire = wireTo(proxy.inboundAddress(8080));
  const connections = [];
  for (const host of ['foo.bar', 'foo.bar', 'bar.baz', 'bar.baz', 'quuuux.com']) {
    wire.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    await wire.message();
    connections.push(app.connections);
  }
  expect(connections).toEqual([1, 1, 2, 2, 3]);
});

acceptanceCase('http1_requests_without_host_have_unique_connections', async () => {
  await using app = await wireApplication(() => OK);
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  using wire = wireTo(proxy.inboundAddress(8080));
  const connections = [];
  for (const host of ['', '', 'foo.bar', '']) {
    wire.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    await wire.message();
    connections.push(app.connections);
  }
  expect(connections).toEqual([1, 2, 3, 4]);
});

acceptanceCase('http1_inbound_timeout', async () => {
  await using control = await scripted().start();
  await using both = await pair(control, await deserted());
  const answer = await ask(both.client.outboundAddress(SERVICE), 'GET / HTTP/1.1\r\nhost: server\r\n\r\n');
  expect(answer.start).toMatch(/^HTTP\/1\.1 502 /);
});

acceptanceCase('retry_reconnect_errors', async () => {
  const port = await deserted();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, port);
  using session = http2Session(proxy.inboundAddress(8080));
  const answering = getHttp2(session, { ':path': '/retry' });
  const labels = { peer: 'src', direction: 'inbound', srv_kind: 'default', srv_name: 'all-unauthenticated', target_port: '8080' };
  await expect.poll(() => proxy.metric('tcp_open_total', labels), { interval: 10 }).toBe(1);
  await using _app = await http2Application(port);
  expect(await answering).toMatchObject({ status: 200, body: 'path /retry' });
});

/** What follows where nobody listens in time. */
acceptanceCase('retry_reconnect_errors until failfast', async () => {
  const port = await deserted();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, port, { LINKERD2_PROXY_INBOUND_HTTP_FAILFAST_TIMEOUT: '250ms' });
  const ask = async (): Promise<number> => {
    // The proxy ends connections on which it fails requests.
    using session = http2Session(proxy.inboundAddress(8080));
    return (await getHttp2(session, { ':path': '/retry' })).status;
  };
  expect(await ask()).toBe(504);
  // From then on requests fail at once, as long as the proxy tries in vain.
  expect(await ask()).toBe(503);
  expect(await proxy.metric('inbound_http_errors_total', { error: 'failfast', target_port: '8080' })).toBe(1);
  expect(await proxy.metric('inbound_http_errors_total', { error: 'loadshed', target_port: '8080' })).toBe(1);
  await using _app = await http2Application(port);
  await expect.poll(ask, { interval: 10 }).toBe(200);
});
