// What the API server fills into pods and pod templates. Kubernetes API reference, defaults of Pod v1.
import { defaultTo, ensureObject, isObject, type JsonObject, objectAt, objectsAt, stringAt } from '../json/json.ts';

export function completePodSpec(spec: JsonObject): void {
  defaultTo(spec, 'restartPolicy', 'Always');
  defaultTo(spec, 'dnsPolicy', 'ClusterFirst');
  defaultTo(spec, 'schedulerName', 'default-scheduler');
  defaultTo(spec, 'terminationGracePeriodSeconds', 30);
  defaultTo(spec, 'securityContext', {});
  // The older name of the same field stays in step with it.
  if (stringAt(spec, 'serviceAccountName') === undefined && stringAt(spec, 'serviceAccount') !== undefined) spec.serviceAccountName = spec.serviceAccount;
  if (stringAt(spec, 'serviceAccountName') !== undefined) spec.serviceAccount = spec.serviceAccountName;
  for (const list of ['initContainers', 'containers']) for (const container of objectsAt(spec, list)) completeContainer(container);
  for (const volume of objectsAt(spec, 'volumes')) completeVolume(volume);
}

/** Only pods themselves get this, not templates. */
export function completePod(pod: JsonObject): void {
  const spec = objectAt(pod, 'spec');
  if (!spec) return;
  completePodSpec(spec);
  defaultTo(spec, 'enableServiceLinks', true);
  for (const list of ['initContainers', 'containers']) {
    for (const container of objectsAt(spec, list)) {
      const limits = objectAt(container, 'resources', 'limits');
      if (!limits) continue;
      // What is limited is also requested, unless said otherwise.
      const requests = ensureObject(ensureObject(container, 'resources'), 'requests');
      for (const [name, value] of Object.entries(limits)) if (requests[name] === undefined && value !== undefined) requests[name] = value;
    }
  }
}

function completeContainer(container: JsonObject): void {
  const image = stringAt(container, 'image');
  if (image !== undefined) defaultTo(container, 'imagePullPolicy', pullPolicy(image));
  defaultTo(container, 'terminationMessagePath', '/dev/termination-log');
  defaultTo(container, 'terminationMessagePolicy', 'File');
  defaultTo(container, 'resources', {});
  for (const port of objectsAt(container, 'ports')) defaultTo(port, 'protocol', 'TCP');
  for (const env of objectsAt(container, 'env')) {
    const ref = objectAt(env, 'valueFrom', 'fieldRef');
    if (ref) defaultTo(ref, 'apiVersion', 'v1');
    const resource = objectAt(env, 'valueFrom', 'resourceFieldRef');
    if (resource) defaultTo(resource, 'divisor', '0');
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = objectAt(container, name);
    if (!probe) continue;
    defaultTo(probe, 'timeoutSeconds', 1);
    defaultTo(probe, 'periodSeconds', 10);
    defaultTo(probe, 'successThreshold', 1);
    defaultTo(probe, 'failureThreshold', 3);
    completeHttpGet(objectAt(probe, 'httpGet'));
    const grpc = objectAt(probe, 'grpc');
    if (grpc && grpc.service === undefined) grpc.service = '';
  }
  for (const hook of ['postStart', 'preStop']) completeHttpGet(objectAt(container, 'lifecycle', hook, 'httpGet'));
}

function completeHttpGet(action: JsonObject | undefined): void {
  if (!action) return;
  defaultTo(action, 'path', '/');
  defaultTo(action, 'scheme', 'HTTP');
}

/** `latest`, said or unsaid, is always pulled. */
function pullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

const MODE = 0o644;

function completeVolume(volume: JsonObject): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name' && volume[key] !== undefined && volume[key] !== null);
  if (sources.length === 0) volume.emptyDir = {};
  for (const name of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    const source = volume[name];
    if (isObject(source)) defaultTo(source, 'defaultMode', MODE);
  }
  for (const item of objectsAt(volume, 'downwardAPI', 'items')) completeFieldRef(item);
  for (const source of objectsAt(volume, 'projected', 'sources')) {
    const token = objectAt(source, 'serviceAccountToken');
    if (token) defaultTo(token, 'expirationSeconds', 3600);
    for (const item of objectsAt(source, 'downwardAPI', 'items')) completeFieldRef(item);
  }
  const host = objectAt(volume, 'hostPath');
  if (host && host.type === undefined) host.type = '';
}

function completeFieldRef(item: JsonObject): void {
  const ref = objectAt(item, 'fieldRef');
  if (ref) defaultTo(ref, 'apiVersion', 'v1');
}

/** Guaranteed when every container's limits for cpu and memory equal its requests, BestEffort when there are none. */
export function qosClass(pod: JsonObject): string {
  const containers = [...objectsAt(pod, 'spec', 'initContainers'), ...objectsAt(pod, 'spec', 'containers')];
  const amounts = (container: JsonObject, which: string): JsonObject => objectAt(container, 'resources', which) ?? {};
  const mentions = containers.some((container) => ['cpu', 'memory'].some((name) => amounts(container, 'limits')[name] ?? amounts(container, 'requests')[name]));
  if (!mentions) return 'BestEffort';
  const guaranteed = containers.every((container) =>
    ['cpu', 'memory'].every((name) => {
      const limit = amounts(container, 'limits')[name];
      return limit !== undefined && limit === (amounts(container, 'requests')[name] ?? limit);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
