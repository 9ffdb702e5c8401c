// Link, multicluster.linkerd.io: another cluster whose services are mirrored here. `spec/viz.md` §5.
import { define } from './define.ts';
import { anyFields, conditions, groupName, labelSelector, list, object, text } from './schema-parts.ts';

const reference = object({ group: groupName, kind: text(), name: text(), namespace: text() });
const mirrored = object({ conditions, controllerName: text(), remoteRef: reference }, { 'x-kubernetes-preserve-unknown-fields': true });

export const linkDefinition = define({
  group: 'multicluster.linkerd.io',
  names: { plural: 'links', kind: 'Link' },
  versions: [
    { name: 'v1alpha1', spec: anyFields },
    {
      name: 'v1alpha3',
      spec: object({
        clusterCredentialsSecret: text(),
        targetClusterName: text(),
        targetClusterDomain: text(),
        targetClusterLinkerdNamespace: text(),
        gatewayAddress: text(),
        gatewayIdentity: text(),
        gatewayPort: text(),
        probeSpec: object({ path: text(), port: text(), period: text(), timeout: text({ default: '30s' }), failureThreshold: text({ default: '3' }) }),
        selector: labelSelector,
        remoteDiscoverySelector: labelSelector,
        federatedServiceSelector: labelSelector,
        excludedLabels: list(text()),
        excludedAnnotations: list(text()),
      }),
      status: object({ mirrorServices: list(mirrored), federatedServices: list(mirrored) }),
    },
  ],
});
