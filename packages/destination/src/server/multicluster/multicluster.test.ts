import type { Secret, Service } from '@weft/kube';
import { expect, test } from 'vitest';
import { isFederated, membersOf } from './federated-services.ts';
import { clusterLinkOf, sameLink } from './linked-cluster.ts';

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

test('a Secret links a cluster with all that it needs, and says what is missing', () => {
  expect(clusterLinkOf(secret())).toEqual({ name: 'east', trustDomain: 'east.trust', clusterDomain: 'east.domain', kubeconfig: 'apiVersion: v1' });
  expect(clusterLinkOf(secret({ type: 'Opaque' }))).toBeUndefined();
  const annotation = (name: string, value: string) => clusterLinkOf(secret({ annotations: { [`multicluster.linkerd.io/${name}`]: value } }));
  expect([
    clusterLinkOf(secret({ labels: { 'multicluster.linkerd.io/cluster-name': '' } })),
    annotation('trust-domain', ''),
    annotation('cluster-domain', 'no..domain'),
    clusterLinkOf(secret({ data: {} })),
  ]).toEqual([
    'the label multicluster.linkerd.io/cluster-name is missing',
    'the annotation multicluster.linkerd.io/trust-domain is missing',
    'the annotation multicluster.linkerd.io/cluster-domain is no DNS name: no..domain',
    'the key kubeconfig is missing',
  ]);
});

test('a link is the same while nothing that counts has changed', () => {
  const [one, two, three] = [secret(), secret({ labels: { other: 'x' } }), secret({ data: { kubeconfig: 'eA==' } })].map(clusterLinkOf);
  if (typeof one !== 'object' || typeof two !== 'object' || typeof three !== 'object') throw new TypeError('all of them link a cluster');
  expect([sameLink(one, two), sameLink(one, three)]).toEqual([true, false]);
});
