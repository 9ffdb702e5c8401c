// ExternalWorkload, workload.linkerd.io: a meshed process outside the cluster. `spec/control-plane.md` §1.9.
import type { JsonSchema } from '../resources/custom-resource-definition.ts';
import { AGE, define } from './define.ts';
import { list, object, oneOfTexts, port, text } from './schema-parts.ts';

const name = text({ minLength: 1, maxLength: 253 });
const identity = object({ identity: name, serverName: name }, { required: ['identity', 'serverName'] });
const ports = list(object({ name: text(), port, protocol: { ...oneOfTexts('TCP', 'UDP', 'SCTP'), default: 'TCP' } }, { required: ['port'] }));

function workloadIps(maxItems: number): JsonSchema {
  return list(object({ ip: text() }, { required: ['ip'] }), { maxItems });
}

const status = object({
  conditions: list(
    object(
      {
        type: text(),
        status: text(),
        reason: text(),
        message: text(),
        lastTransitionTime: text({ format: 'date-time' }),
        lastProbeTime: text({ format: 'date-time' }),
      },
      { required: ['type', 'status'] },
    ),
    { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  ),
});

const columns = (member: string): readonly { name: string; type: 'string'; jsonPath: string }[] => [
  { name: 'Identity', type: 'string', jsonPath: `.spec.${member}.identity` },
];

export const externalWorkloadDefinition = define({
  group: 'workload.linkerd.io',
  names: { plural: 'externalworkloads', kind: 'ExternalWorkload', categories: ['external'] },
  versions: [
    {
      name: 'v1alpha1',
      spec: object({ meshTls: identity, workloadIPs: workloadIps(1), ports }, { required: ['meshTls'] }),
      status,
      columns: [...columns('meshTls'), AGE],
    },
    {
      name: 'v1beta1',
      spec: object({ meshTLS: identity, workloadIPs: workloadIps(2), ports }, { required: ['meshTLS'] }),
      status,
      columns: [...columns('meshTLS'), AGE],
    },
  ],
});
