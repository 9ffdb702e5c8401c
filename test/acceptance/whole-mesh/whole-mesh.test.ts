// Our control plane with our proxies, and with linkerd2-proxy (LINKERD2_PROXY_BIN) in the place of either or of both: certificates, discovery
// and policy as in a cluster, under the environment that injection writes. spec/control-plane.md §0, §1; spec/injector-cli.md §1.5.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stopControllers } from '../control-plane/controller.ts';
import { get, seen } from '../process/applications.ts';
import { redirecting } from '../process/interception.ts';
import { BUNDLE } from '../process/launch.ts';
import { firstBytes, tcpTo } from '../process/meshed-peer.ts';
import type { PairPrograms } from '../process/scenes.ts';
import { type MeshScene, OPAQUE_PORT, startScene } from './scene.ts';

const THEIRS = process.env['LINKERD2_PROXY_BIN'];
const OURS = BUNDLE;

const PAIRS: readonly (readonly [name: string, programs: PairPrograms])[] = [
  ['our proxies', { client: OURS, server: OURS }],
  ...(THEIRS === undefined
    ? []
    : ([
        ['linkerd2-proxy on both sides', { client: THEIRS, server: THEIRS }],
        ['our outbound, linkerd2-proxy inbound', { client: OURS, server: THEIRS }],
        ['linkerd2-proxy outbound, our inbound', { client: THEIRS, server: OURS }],
      ] as const)),
];
const SOON = { timeout: 20_000, interval: 50 };

afterAll(stopControllers);

test('there are redirect rules, and another proxy', ({ skip }) => {
  skip(!redirecting(), 'redirect rules are needed: npm run test:net');
  skip(THEIRS === undefined, 'LINKERD2_PROXY_BIN names no other proxy: only our own proxies are tried');
  expect(PAIRS).toHaveLength(4);
});

describe.runIf(redirecting()).each(PAIRS)('%s', (_name, programs) => {
  let scene: MeshScene;
  beforeAll(async () => {
    scene = await startScene(programs);
  }, 60_000);
  afterAll(() => scene?.[Symbol.asyncDispose]());

  test('every proxy has a certificate of our identity service, and is ready', async () => {
    const { client, server, control } = scene;
    for (const proxy of [client, server]) expect((await proxy.admin('/ready')).status).toBe(200);
    // That these are the programs that were asked for shows in metrics that Linkerd's proxy has not.
    const isOurs = async ({ admin }: typeof client): Promise<boolean> => (await admin('/metrics')).body.includes('weft_');
    expect([await isOurs(client), await isOurs(server)]).toEqual([programs.client === OURS, programs.server === OURS]);
    expect(await control.controller('identity').metric('grpc_server_handled_total', { grpc_method: 'Certify', grpc_code: 'OK' })).toBeGreaterThanOrEqual(4);
  });

  test('HTTP/1 goes as HTTP/2 over mutual TLS, many requests on one connection, and each side knows the other', async () => {
    const { client, server } = scene;
    const { address } = await scene.service();
    const toServer = { direction: 'outbound', tls: 'true', server_id: server.identity };
    const ofClient = { direction: 'inbound', tls: 'true', client_id: client.identity, target_port: '8080' };
    const [out, came] = [await client.metric('request_total', toServer), await server.metric('request_total', ofClient)];
    const first = await get(address, { method: 'POST', path: '/x', body: 'hello', headers: { 'l5d-client-id': 'forged' } });
    expect(first).toMatchObject({ status: 200, version: '1.1' });
    expect(seen(first)).toMatchObject({ version: '1.1', method: 'POST', path: '/x', body: 'hello', headers: { 'l5d-client-id': client.identity } });
    const opened = await client.metric('tcp_open_total', { direction: 'outbound', peer: 'dst', tls: 'true', server_id: server.identity });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => get(address, { path: `/${n}` })));
    expect(answers.map((answer) => seen(answer).path)).toEqual(answers.map((_, n) => `/${n}`));
    expect(await client.metric('tcp_open_total', { direction: 'outbound', peer: 'dst', tls: 'true', server_id: server.identity })).toBe(opened);
    expect([await client.metric('request_total', toServer), await server.metric('request_total', ofClient)]).toEqual([out + 51, came + 51]);
    // Discovery tells who is asked, too.
    expect(await client.metric('request_total', { ...toServer, dst_namespace: scene.namespace.name, dst_pod: 'server' })).toBeGreaterThanOrEqual(51);
  });

  test('traffic follows the EndpointSlice: to another pod, to none, and back', async () => {
    const service = await scene.service();
    const ask = async () => {
      const { status, body } = await get(service.address);
      return status === 200 && body !== 'plain' ? 'server' : `${status} ${body}`.trim();
    };
    expect(await ask()).toBe('server');
    await service.endpoints(['plain']);
    await expect.poll(ask, SOON).toBe('200 plain');
    for (let n = 0; n < 10; n++) expect(await ask()).toBe('200 plain');
    await service.endpoints([]);
    await expect.poll(ask, SOON).toMatch(/^50[34]/);
    expect(await ask()).toMatch(/^50[34]/);
    await service.endpoints(['server', 'plain']);
    const answers = new Set<string>();
    await expect.poll(async () => [...answers.add(await ask())].filter((answer) => !answer.startsWith('50')).sort(), SOON).toEqual(['200 plain', 'server']);
  });

  test('an opaque port is a tunnel of mutual TLS through the direct port; a server that speaks first is heard', async () => {
    const { client, server } = scene;
    const { address } = await scene.service(OPAQUE_PORT, { 'config.linkerd.io/opaque-ports': String(OPAQUE_PORT) });
    const socket = await tcpTo(address);
    expect(await firstBytes(socket)).toBe('220 ready\r\n');
    socket.write('\x01 bytes');
    expect(await firstBytes(socket)).toBe('\x01 bytes');
    socket.destroy();
    const labels = { session_protocol: '', target_port: String(OPAQUE_PORT), client_id: client.identity };
    expect(await server.metric('inbound_tcp_transport_header_connections_total', labels)).toBe(1);
  });

  test('a policy of the server pod takes effect while the proxies run, and is lifted again', async () => {
    const { address } = await scene.service();
    const ask = async () => (await get(address)).status;
    expect(await ask()).toBe(200);
    await scene.annotateServer('config.linkerd.io/default-inbound-policy', 'deny');
    await expect.poll(ask, SOON).toBe(403);
    await scene.annotateServer('config.linkerd.io/default-inbound-policy', 'all-authenticated');
    await expect.poll(ask, SOON).toBe(200);
    // Who has no proxy has no identity.
    expect((await get(scene.server.inboundAddress(8080))).status).toBe(403);
    await scene.annotateServer('config.linkerd.io/default-inbound-policy', null);
    await expect.poll(async () => (await get(scene.server.inboundAddress(8080))).status, SOON).toBe(200);
  });

  test('traffic goes on while the control plane is dead, and what changed meanwhile is seen when it is back', async () => {
    const { control } = scene;
    const service = await scene.service();
    const ask = async () => (await get(service.address)).body === 'plain';
    expect(await ask()).toBe(false);
    await control.kill();
    for (let n = 0; n < 20; n++) expect(await get(service.address)).toMatchObject({ status: 200 });
    await service.endpoints(['plain'], false);
    expect(await ask()).toBe(false);
    await control.restart();
    await expect.poll(ask, SOON).toBe(true);
    // New Services are found as before.
    const another = await scene.service();
    expect((await get(another.address)).status).toBe(200);
  });
});
