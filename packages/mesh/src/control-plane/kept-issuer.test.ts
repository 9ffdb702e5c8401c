import { manualClock } from '@weft/core';
import { createAuthority } from '@weft/identity/authority';
import { configMapKind, type KubeClient, kubeClient, namespaceKind, secretKind } from '@weft/kube';
import { type ApiServer, startApiServer } from '@weft/kube/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyManifest } from '../apply.ts';
import { controlPlane } from './control-plane.ts';
import { keptIssuer } from './kept-issuer.ts';

let api: ApiServer;
let client: KubeClient;
beforeEach(async () => {
  api = await startApiServer();
  client = kubeClient({ server: api.url });
});
afterEach(async () => {
  client.close();
  await api.close();
});

const where = { apiServerUrl: 'http://127.0.0.1:1', clusterDomain: 'cluster.local' };
const roots = { namespace: 'linkerd', name: 'linkerd-identity-trust-roots' };

test('a control plane that is rendered again over its former objects has their issuer and anchors', async () => {
  expect(await keptIssuer(client)).toBeUndefined();
  await applyManifest(client, (await controlPlane(where)).objects);
  const anchors = async (): Promise<string | undefined> => (await client.get(configMapKind, roots))?.data?.['ca-bundle.crt'];
  const [before, issuer] = [await anchors(), await keptIssuer(client)];
  expect(issuer?.anchors).toBe(before);
  await applyManifest(client, (await controlPlane({ ...where, issuer })).objects);
  expect(await anchors()).toBe(before);
  expect(await keptIssuer(client)).toEqual(issuer);
});

test('an issuer that does not sign any more, or is in pieces, is not kept', async () => {
  await client.create(namespaceKind, { metadata: { name: 'linkerd' } });
  const ref = { namespace: 'linkerd', name: 'linkerd-identity-issuer' };
  // Of ten days ago, for five.
  const clock = manualClock({ wall: Date.now() - 864_000_000 });
  const { issuer } = await createAuthority({ trustDomain: 'cluster.local', validityMs: 432_000_000, clock });
  const stringData = { 'crt.pem': issuer.certificates, 'key.pem': issuer.key };
  await client.create(secretKind, { metadata: ref, stringData });
  expect(await keptIssuer(client)).toBeUndefined();
  await client.create(configMapKind, { metadata: roots, data: { 'ca-bundle.crt': issuer.anchors } });
  expect(await keptIssuer(client)).toBeUndefined();
});
