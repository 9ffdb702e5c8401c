// The demo application in network namespaces, meshed: real redirect, SO_ORIGINAL_DST, mutual TLS between all of its pods.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connectionCounts, deploymentStats, type Mesh, netnsObstacle, scrapeProxies, startMesh } from '@weft/mesh';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundles = [`${root}packages/cli/dist/bundle`, `${root}examples/emojivoto/dist/bundle`];
const obstacle = netnsObstacle() ?? (bundles.every((bundle) => existsSync(bundle)) ? undefined : 'the bundles have not been built');
if (obstacle !== undefined && process.env['CI'] === 'true') throw new Error(`this machine cannot run the suite: ${obstacle}`);

let mesh: Mesh;

beforeAll(async () => {
  if (obstacle !== undefined) return;
  mesh = await startMesh({
    runtime: 'netns',
    programs: { bundles },
    controlPlane: {},
    manifests: [readFileSync(`${root}examples/emojivoto/k8s/emojivoto.yml`, 'utf8')],
  });
  await mesh.waitReady({ timeoutMs: 60_000 });
});

afterAll(async () => {
  await mesh?.close();
});

describe.skipIf(obstacle !== undefined)('the meshed demo application', () => {
  test('every pod has a proxy that was added by the webhook', () => {
    const pods = mesh.pods('emojivoto');
    expect(pods).toHaveLength(4);
    for (const pod of pods) expect(pod.spec.initContainers?.map((container) => container.name)).toEqual(['linkerd-init', 'linkerd-proxy']);
  });

  test('the page of the application can be reached from this machine', async () => {
    const { host, port } = await mesh.forward({ namespace: 'emojivoto', name: 'web-svc', port: 80 });
    // Pods without readiness probe count as ready before they listen.
    const emojis = async (): Promise<number> => {
      const response = await fetch(`http://${host}:${port}/api/list`);
      return response.ok ? ((await response.json()) as unknown[]).length : 0;
    };
    await expect.poll(emojis, { timeout: 15_000 }).toBeGreaterThan(90);
  });

  test('traffic flows, and all of it between pods is mutual TLS', async () => {
    const before = await scrapeProxies(mesh);
    await expect
      .poll(async () => Object.values(deploymentStats(before, await scrapeProxies(mesh), 1)).filter((stats) => stats.requests > 0).length, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(3);
    const { meshed, mtls } = connectionCounts((await scrapeProxies(mesh)).filter((proxy) => proxy.namespace === 'emojivoto'));
    expect(meshed).toBeGreaterThanOrEqual(3);
    expect(mtls).toBe(meshed);
  });
});
