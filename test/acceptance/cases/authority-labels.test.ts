// The label that shows the names which clients ask for, where it is asked for. spec/proxy.md §1.3, §9.3, §10.6 (inbound http).
import { expect } from 'vitest';
import { httpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import type { Environment } from '../process/launch.ts';
import { meshedPeer } from '../process/meshed-peer.ts';
import { acceptanceCase } from './case.ts';
import { open, serverProxy } from './inbound-scene.ts';

/** The authorities of the requests that were counted; the empty one stands for none. */
async function authoritiesOf(env: Environment, ...heads: readonly string[]): Promise<string[]> {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, env);
  using peer = await meshedPeer(control, 'client');
  for (const head of heads) {
    using wire = await open(proxy, { as: peer });
    wire.write(`POST / HTTP/1.1\r\n${head}content-length: 0\r\n\r\n`);
    expect((await wire.message()).start).toMatch(/ 200 /);
  }
  const samples = await proxy.samples('response_total');
  const inbound = samples.filter(({ labels }) => labels['direction'] === 'inbound' && labels['target_port'] === '8080');
  expect(inbound.every(({ labels }) => labels['client_id'] === peer.identity && labels['srv_name'] === 'all-unauthenticated')).toBe(true);
  return inbound.map(({ labels }) => labels['authority'] ?? '').sort((a, b) => (a < b ? -1 : 1));
}

const NAMES = [
  'host: foo.svc.cluster.local:5550\r\n',
  'host: web\r\n',
  'host: 10.42.0.5:8080\r\n',
  'host: web\r\nl5d-dst-canonical: web.ns.svc.cluster.local:80\r\n',
];

acceptanceCase('unsafe_authority_labels_true', async () => {
  const env = { LINKERD2_PROXY_INBOUND_METRICS_AUTHORITY_LABELS: 'unsafe' };
  expect(await authoritiesOf(env, ...NAMES)).toEqual(['', 'foo.svc.cluster.local:5550', 'web', 'web.ns.svc.cluster.local']);
});

acceptanceCase('unsafe_authority_labels_false', async () => {
  expect(await authoritiesOf({}, ...NAMES)).toEqual(['']);
});
