// What Kubernetes' ServiceAccount admission does to a new pod: a name, and the API token mounted into every container.

import type { Random } from '@weft/core';
import { clone, type JsonObject, objectAt, objectsAt, stringAt } from '../json/json.ts';
import { nameSuffix } from './name-suffix.ts';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';

export type ServiceAccountOutcome = { readonly kind: 'admitted' } | { readonly kind: 'refused'; readonly message: string };

/** Changes the pod. `find` looks up a ServiceAccount of the pod's namespace. */
export function admitServiceAccount(pod: JsonObject, find: (name: string) => JsonObject | undefined, random: Random): ServiceAccountOutcome {
  const spec = objectAt(pod, 'spec');
  if (!spec) return { kind: 'admitted' };
  // Mirror pods stand for what a node runs by itself.
  if (stringAt(pod, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined) return { kind: 'admitted' };
  const name = stringAt(spec, 'serviceAccountName') || 'default';
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
  const account = find(name);
  const namespace = stringAt(pod, 'metadata', 'namespace') ?? '';
  if (!account) return { kind: 'refused', message: `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found` };
  const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  if (mounts !== false) mountToken(spec, random);
  const secrets = objectsAt(account, 'imagePullSecrets');
  if (spec.imagePullSecrets === undefined && secrets.length > 0) spec.imagePullSecrets = clone(secrets);
  return { kind: 'admitted' };
}

function mountToken(spec: JsonObject, random: Random): void {
  const containers = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
  const without = containers.filter((container) => !objectsAt(container, 'volumeMounts').some((mount) => mount.mountPath === MOUNT_PATH));
  if (without.length === 0) return;
  const volumes = objectsAt(spec, 'volumes');
  const present = volumes.find((volume) => stringAt(volume, 'name')?.startsWith(VOLUME_PREFIX) === true && objectAt(volume, 'projected'));
  const name = stringAt(present, 'name') ?? VOLUME_PREFIX + nameSuffix(random);
  if (!present) spec.volumes = [...volumes, tokenVolume(name)];
  for (const container of without) {
    container.volumeMounts = [...objectsAt(container, 'volumeMounts'), { name, readOnly: true, mountPath: MOUNT_PATH }];
  }
}

function tokenVolume(name: string): JsonObject {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}
