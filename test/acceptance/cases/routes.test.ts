// Connections counted by the route that they took, and what their bytes cost. spec/proxy.md §9.4.
import { expect } from 'vitest';
import { answeringApplication, exchangeBytes, tcpApplication } from '../process/applications.ts';
import { clientHelloFor } from '../process/client-hello.ts';
import { firstBytes, tcpTo } from '../process/meshed-peer.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { alone, NAME, SERVICE, scripted } from '../process/scenes.ts';
import { balanced, clientPolicy, firstOf } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';

const BYTES = '\x01 hello, this is not HTTP';
const SOON = { timeout: 5_000, interval: 10 };
const metadata = { kind: 'resource', group: 'policy.linkerd.io', resource: 'TCPRoute', namespace: 'ns', name: 'bytes', section: '', port: 0 } as const;

/** Series with a value, each as its labels. */
async function counted(proxy: ProxyProcess, name: string): Promise<readonly unknown[]> {
  return (await proxy.samples(name)).filter(({ value }) => value > 0).map(({ labels, value }) => ({ ...labels, value }));
}

const PARENT = { parent_group: '', parent_kind: 'default', parent_namespace: '', parent_name: 'test', parent_port: '', parent_section_name: '' };
const ROUTE = { route_group: 'policy.linkerd.io', route_kind: 'TCPRoute', route_namespace: 'ns', route_name: 'bytes' };

acceptanceCase('outbound_tcp_route', async () => {
  await using app = await answeringApplication();
  await using control = await scripted().start();
  const rules = [{ filters: [], distribution: firstOf(balanced(NAME)) }];
  control.outboundOf(SERVICE).set(clientPolicy({ kind: 'opaque', routes: [{ metadata, rules }] }));
  await using proxy = await alone(control, app.port);
  expect(await exchangeBytes(proxy.outboundAddress(SERVICE), BYTES)).toBe(`received ${BYTES}`);
  const labels = { ...PARENT, ...ROUTE, target_ip: '10.43.0.7', target_port: '80' };
  expect(await counted(proxy, 'outbound_tcp_route_open_total')).toEqual([{ ...labels, value: 1 }]);
  await expect.poll(() => counted(proxy, 'outbound_tcp_route_close_total'), SOON).toEqual([{ ...labels, error: '', value: 1 }]);
});

acceptanceCase('outbound_tls_route', async () => {
  await using app = await tcpApplication((socket) => socket.pipe(socket));
  await using control = await scripted().start();
  const rules = [{ filters: [], distribution: firstOf(balanced(NAME)) }];
  control.outboundOf(SERVICE).set(clientPolicy({ kind: 'tls', routes: [{ metadata, snis: [{ kind: 'exact', host: 'bank.example' }], rules }] }));
  await using proxy = await alone(control, app.port);
  const socket = await tcpTo(proxy.outboundAddress(SERVICE));
  const hello = clientHelloFor('bank.example');
  socket.write(hello);
  expect(Buffer.from(await firstBytes(socket), 'latin1').equals(hello)).toBe(true);
  const labels = { ...PARENT, ...ROUTE, hostname: '' };
  expect(await counted(proxy, 'outbound_tls_route_open_total')).toEqual([{ ...labels, value: 1 }]);
  socket.end();
  await expect.poll(() => counted(proxy, 'outbound_tls_route_close_total'), SOON).toEqual([{ ...labels, error: '', value: 1 }]);
});

acceptanceCase('outbound_tcp_transfer_cost', async () => {
  await using app = await answeringApplication();
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  control.endpointsOf(NAME).set([{ address: { ip: '10.42.0.9', port: 8080 }, weight: 1, labels: { zone_locality: 'remote' }, hint: 'none' }]);
  await exchangeBytes(proxy.outboundAddress(SERVICE), BYTES);
  const cost = (op: string): Promise<number> => proxy.metric('outbound_tcp_transfer_cost_bytes_total', { op, zone_locality: 'Remote' });
  await expect.poll(() => cost('Send'), SOON).toBe(BYTES.length);
  expect(await cost('Recv')).toBe(`received ${BYTES}`.length);
});
