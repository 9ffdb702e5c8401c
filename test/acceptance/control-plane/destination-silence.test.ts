// Discovery in this process, for the sake of its clock: an API server that hangs is found out by its silence, and asked again until it answers.
import { createRegistry, manualClock, silentLogger } from '@weft/core';
import { startDiscovery } from '@weft/destination/server';
import { kubeClient } from '@weft/kube';
import { startGrpcServer } from '@weft/process';
import { grpcChannel } from '@weft/wire';
import { expect, test } from 'vitest';
import { apiFront } from './api-front.ts';
import { startCluster } from './cluster.ts';
import { questions } from './destination-scene.ts';

/** Longer than any watch is silent, and than a request is waited for. */
const SILENT_MS = 150_000;

test('an API server that hangs and forgets its connections is asked again when it was silent for too long; nothing is lost meanwhile', async () => {
  await using cluster = await startCluster();
  await using front = await apiFront(cluster);
  const ns = await cluster.namespace();
  await ns.service('web');
  const slice = (...ips: readonly string[]) =>
    ns.slice(
      'web',
      ips.map((ip) => ({ addresses: [ip] })),
    );
  await slice('10.42.0.1', '10.42.0.2');

  const clock = manualClock({ wall: Date.now() });
  const registry = createRegistry();
  const client = kubeClient({ server: front.url, clock });
  const discovery = startDiscovery({
    client,
    registry,
    logger: silentLogger,
    clock,
    settings: {
      controllerNamespace: 'linkerd',
      trustDomain: 'cluster.local',
      clusterDomain: 'cluster.local',
      enableH2Upgrade: true,
      transportMode: 'transparent',
      enableIpv6: true,
      defaultOpaquePorts: [],
    },
  });
  await discovery.synced;
  const server = await startGrpcServer({ listen: { host: '127.0.0.1', port: 0 }, services: [discovery.server.service] });
  const channel = grpcChannel({ target: `127.0.0.1:${server.address?.port}` });
  try {
    const ask = questions(channel);
    const live = ask.get(ns.authority('web'));
    await live.has('10.42.0.1:8080', '10.42.0.2:8080');

    // Not a byte more on what is open, and no answer to what is asked.
    let unheard = 0;
    let unanswered = 0;
    front.line = () => (unheard++, 'stall');
    front.answer = () => (unanswered++, 'hold');
    await slice('10.42.0.1', '10.42.0.3');
    await expect.poll(() => unheard).toBeGreaterThan(0);
    clock.advance(SILENT_MS);
    // Silence is met by asking again, and that is not answered either: once more, after a pause.
    await expect.poll(() => unanswered).toBeGreaterThan(1);
    const first = unanswered;
    await expect.poll(() => (clock.advance(2000), unanswered), { timeout: 10_000 }).toBeGreaterThan(first);
    expect(live.messages.flatMap(({ remove }) => remove?.addrs ?? [])).toEqual([]);
    await ask.get(ns.authority('web')).has('10.42.0.1:8080', '10.42.0.2:8080');

    front.line = () => 'pass';
    front.answer = () => undefined;
    let healed = false;
    const seen = live.has('10.42.0.1:8080', '10.42.0.3:8080').then(() => (healed = true));
    await expect.poll(() => (clock.advance(2000), healed), { timeout: 10_000 }).toBe(true);
    await seen;
    const removed = live.messages.flatMap(({ remove }) => remove?.addrs ?? []);
    expect(removed.map(({ ip }) => ip?.ipv4)).toEqual([0x0a2a0002]);
    expect(registry.render()).toMatch(/weft_kube_watch_restarts_total\{kind="endpointslice",cluster="local",cause="silent"\} [1-9]/);
  } finally {
    channel.close();
    discovery.server.close();
    await server.close(0);
    await discovery.close();
    client.close();
  }
});
