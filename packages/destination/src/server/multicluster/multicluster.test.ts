import type { Secret, Service } from '@weft/kube';
import { unfitText } from '@weft/kube/shape';
import { expect, test } from 'vitest';
import { isFederated, membersOf } from './federated-services.ts';
import { clusterLinkOf, linkingSecret, sameLink } from './linked-cluster.ts';

const service = (annotations: Readonly<Record<string, string>>): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web-federated', namespace: 'shop', annotations },
  spec: {},
});

test('members of a federated Service are read one by one, each once, and what is none is told', () => {
  const bad: string[] = [];
  const federated = service({
    'multicluster.linkerd.io/remote-discovery': 'web@east, web@west,,web@east,broken,@east,a@b@c',
    'multicluster.linkerd.io/local-discovery': 'web',
  });
  expect(membersOf(federated, (item) => bad.push(item))).toEqual([
    { service: 'web', cluster: undefined },
    { service: 'web', cluster: 'east' },
    { service: 'web', cluster: 'west' },
  ]);
  expect(bad).toEqual(['broken', '@east', 'a@b@c']);
  expect([isFederated(federated), isFederated(service({ 'multicluster.linkerd.io/remote-discovery': '' })), isFederated(service({}))]).toEqual([
    true,
    true,
    false,
  ]);
});

const secret = (change: Partial<Secret> & { readonly labels?: object; readonly annotations?: object } = {}): Secret => {
  const { labels, annotations, ...rest } = change;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'link',
      namespace: 'linkerd',
      labels: { 'multicluster.linkerd.io/cluster-name': 'east', ...labels },
      annotations: { 'multicluster.linkerd.io/trust-domain': 'east.trust', 'multicluster.linkerd.io/cluster-domain': 'east.domain', ...annotations },
    },
    type: 'mirror.linkerd.io/remote-kubeconfig',
    data: { kubeconfig: Buffer.from('apiVersion: v1').toString('base64') },
    ...rest,
  };
};

const kubeconfigOf = (server: string): string =>
  Buffer.from(
    `{ current-context: a, clusters: [{ name: a, cluster: { server: "${server}" } }], contexts: [{ name: a, context: { cluster: a, user: a } }], users: [{ name: a, user: {} }] }`,
  ).toString('base64');

test('a Secret links a cluster with all that it needs', () => {
  expect(clusterLinkOf(secret())).toEqual({ name: 'east', trustDomain: 'east.trust', clusterDomain: 'east.domain', kubeconfig: 'apiVersion: v1' });
  expect(clusterLinkOf(secret({ type: 'Opaque' }))).toBeUndefined();
});

test('a Secret that should link a cluster and cannot is told by the field that is wrong, and never by what is secret', () => {
  const said = (change: Parameters<typeof secret>[0]): string | undefined => {
    const found = linkingSecret(secret(change));
    return found && unfitText(found);
  };
  const annotation = (name: string, value: string) => said({ annotations: { [`multicluster.linkerd.io/${name}`]: value } });
  expect(said({ data: { kubeconfig: kubeconfigOf('http://127.0.0.1:1') } })).toBeUndefined();
  expect(said({ type: 'Opaque', data: {}, labels: { 'multicluster.linkerd.io/cluster-name': '' } })).toBeUndefined();
  expect([
    said({ labels: { 'multicluster.linkerd.io/cluster-name': '' } }),
    annotation('trust-domain', ''),
    annotation('cluster-domain', 'no..domain'),
    said({ data: {} }),
    said({ data: { kubeconfig: 7 as unknown as string } }),
    said({ data: { kubeconfig: Buffer.from('garbage').toString('base64') } }),
  ]).toEqual([
    'metadata.labels[multicluster.linkerd.io/cluster-name]: is missing',
    'metadata.annotations[multicluster.linkerd.io/trust-domain]: is missing',
    'metadata.annotations[multicluster.linkerd.io/cluster-domain]: "no..domain" is no DNS name',
    'data.kubeconfig: is missing',
    'data.kubeconfig: is not text',
    expect.stringMatching(/^data\.kubeconfig: /),
  ]);
  expect(said({ data: { kubeconfig: kubeconfigOf('ftp://x') } })).toMatch(/^data\.kubeconfig: .*ftp:\/\/x is not an http or https URL/s);
});

test('a link is the same while nothing that counts has changed', () => {
  const [one, two, three] = [secret(), secret({ labels: { other: 'x' } }), secret({ data: { kubeconfig: 'eA==' } })].map(clusterLinkOf);
  if (typeof one !== 'object' || typeof two !== 'object' || typeof three !== 'object') throw new TypeError('all of them link a cluster');
  expect([sameLink(one, two), sameLink(one, three)]).toEqual([true, false]);
});
