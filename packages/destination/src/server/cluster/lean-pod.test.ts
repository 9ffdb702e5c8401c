import type { Pod } from '@weft/kube';
import { expect, test } from 'vitest';
import { proxyPortsOf } from '../metadata/proxy-ports.ts';
import { hostAddresses, podIps, takesTraffic } from './keys.ts';
import { leanPod } from './lean-pod.ts';

const env = (name: string, value: string) => ({ name: `LINKERD2_PROXY_${name}`, value });
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '7',
    labels: { app: 'web' },
    annotations: { 'config.linkerd.io/opaque-ports': '80', 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(10_000) },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-6c', uid: 'r' }],
  },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'web',
    containers: [
      { name: 'app', image: 'app', ports: [{ containerPort: 80, hostPort: 8080 }], env: [{ name: 'SECRET', value: 'no' }] },
      {
        name: 'linkerd-proxy',
        image: 'proxy',
        env: [
          env('INBOUND_LISTEN_ADDR', '0.0.0.0:4143'),
          env('ADMIN_LISTEN_ADDR', '0.0.0.0:4191'),
          env('CONTROL_LISTEN_ADDR', '0.0.0.0:4190'),
          env('LOG', 'warn'),
        ],
      },
    ],
  },
  status: { phase: 'Running', podIP: '10.42.0.1', podIPs: [{ ip: '10.42.0.1' }, { ip: 'fd00::1' }], hostIP: '192.0.2.1' },
};

test('keeps what is read of a pod, and nothing else', () => {
  const lean = leanPod(pod);
  for (const read of [podIps, hostAddresses, takesTraffic, proxyPortsOf]) expect(read(lean)).toEqual(read(pod));
  expect([lean.metadata.labels, lean.metadata.ownerReferences, lean.spec.nodeName, lean.spec.serviceAccountName]).toEqual([
    { app: 'web' },
    pod.metadata.ownerReferences,
    'n1',
    'web',
  ]);
  expect(lean.metadata.annotations).toEqual({ 'config.linkerd.io/opaque-ports': '80' });
  const text = JSON.stringify(lean);
  expect([text.includes('SECRET'), text.includes('LINKERD2_PROXY_LOG'), text.length < 1500]).toEqual([false, false, true]);
});

test('a pod on the network of its host is known by its ports there, and a finished one takes no traffic', () => {
  const onHost = leanPod({ ...pod, spec: { ...pod.spec, hostNetwork: true }, status: { ...pod.status, phase: 'Succeeded' } });
  expect([podIps(onHost), hostAddresses(onHost), takesTraffic(onHost)]).toEqual([[], ['192.0.2.1:8080'], false]);
});
