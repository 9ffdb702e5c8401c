// A line for each inbound request, whatever is logged otherwise. spec/proxy.md §9.6.
import { connect as connectHttp2 } from 'node:http2';
import { expect, vi } from 'vitest';
import { getHttp2, http2Application, httpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { redirecting } from '../process/interception.ts';
import type { Environment } from '../process/launch.ts';
import { meshedPeer } from '../process/meshed-peer.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { onlyFor } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';
import { ask, NEAR, PORT, serverProxy } from './inbound-scene.ts';
import { deserted } from './ways.ts';

// Without redirect rules the suite finds the ports of a proxy in its log.
const access = (format: string): Environment => ({ LINKERD2_PROXY_ACCESS_LOG: format, LINKERD2_PROXY_LOG: redirecting() ? 'error' : 'info' });

/** The line of the request to this path, once it is there. Other lines have a message, or a level. */
async function lineOf(proxy: ProxyProcess, path: string, status?: number): Promise<Record<string, unknown> & { readonly message?: string }> {
  const isIts = (text: unknown): boolean => String(text).includes(path);
  return vi.waitFor(
    () => {
      const line = proxy.logs.find((one) =>
        'client.addr' in one
          ? isIts(one['uri']) && (status === undefined || one['status'] === status)
          : /^[0-9.]+:[0-9]+ /.test(one.message) && isIts(one.message),
      );
      if (!line) throw new Error(`no line of ${path}`);
      return { ...line };
    },
    { timeout: 5_000, interval: 10 },
  );
}

/** With the first request of a client an implementation may set up what outlives it, and hold its line back until that is gone too. */
const FIRST = '/first';

const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]+Z$/;
const NANOS = /^[0-9]+$/;
const ADDRESS = new RegExp(`^${NEAR.replaceAll('.', '\\.')}:[0-9]+$`);

acceptanceCase('access log: apache', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, access('apache'));
  using peer = await meshedPeer(control, 'client');
  for (const path of [FIRST, '/a?b=c']) await ask(proxy, { path });
  for (const path of [FIRST, '/meshed']) await ask(proxy, { as: peer, path });
  const form = (id: string, uri: string): RegExp =>
    new RegExp(`^${ADDRESS.source.slice(1, -1)} ${id} - \\[${TIME.source.slice(1, -1)}\\] "GET ${uri} HTTP/1.1" 200$`);
  expect((await lineOf(proxy, '/a?b=c')).message).toMatch(form('-', '/a\\?b=c'));
  expect((await lineOf(proxy, '/meshed')).message).toMatch(form(peer.identity, '/meshed'));
});

acceptanceCase('access log: json', async () => {
  await using app = await httpApplication((_message, response) => response.end('hello'));
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, access('json'));
  await ask(proxy, { path: FIRST });
  await ask(proxy, { path: '/a?b=c', head: 'x-request-id: 7\r\nuser-agent: me\r\ncontent-length: 0\r\n' });
  const line = await lineOf(proxy, '/a?b=c');
  expect(line).toEqual({
    'client.addr': expect.stringMatching(ADDRESS) as string,
    'client.id': '-',
    timestamp: expect.stringMatching(TIME) as string,
    method: 'GET',
    uri: '/a?b=c',
    version: 'HTTP/1.1',
    trace_id: '7',
    request_bytes: '0',
    status: 200,
    response_bytes: '5',
    total_ns: expect.stringMatching(NANOS) as string,
    processing_ns: expect.stringMatching(NANOS) as string,
    user_agent: 'me',
    host: 'server',
  });
  expect(Number(line['processing_ns'])).toBeLessThanOrEqual(Number(line['total_ns']));
});

acceptanceCase('access log: HTTP/2', async () => {
  await using app = await http2Application();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, access('json'));
  using peer = await meshedPeer(control, 'client');
  const { socket } = await peer.connect(proxy, PORT);
  const session = connectHttp2('http://server', { createConnection: () => socket });
  for (const path of [FIRST, '/svc/Method']) await getHttp2(session, { ':path': path, ':authority': 'web', 'content-type': 'application/grpc' });
  session.destroy();
  const line = await lineOf(proxy, '/svc/Method');
  expect(line).toMatchObject({ 'client.id': peer.identity, uri: 'http://web/svc/Method', version: 'HTTP/2.0', status: 200, request_bytes: '', host: '' });
  expect(line).not.toHaveProperty('response_bytes');
});

acceptanceCase('access log: what the proxy answers itself', async () => {
  await using control = await controlPlane().inbound(PORT, onlyFor('nobody.ns.serviceaccount.identity.linkerd.cluster.local')).start();
  await using proxy = await serverProxy(control, await deserted(), access('json'));
  await vi.waitFor(async () => expect((await ask(proxy, { path: '/denied' })).start).toContain(' 403 '), { timeout: 5_000, interval: 20 });
  expect(await lineOf(proxy, '/denied', 403)).toMatchObject({ uri: '/denied' });
});
acceptanceCase('access log: an application that is away', async () => {
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, await deserted(), access('json'));
  expect((await ask(proxy, { path: '/away' })).start).toContain(' 502 ');
  expect(await lineOf(proxy, '/away')).toMatchObject({ status: 502, uri: '/away' });
});
