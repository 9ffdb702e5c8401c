// What the API server fills into the other built-in kinds. Kubernetes API reference.
import { defaultTo, ensureObject, isObject, type JsonObject, objectAt, objectsAt, stringAt } from '../json/json.ts';
import { completePodSpec } from './pod-defaults.ts';

export function completeNamespace(namespace: JsonObject): void {
  const metadata = ensureObject(namespace, 'metadata');
  const name = stringAt(metadata, 'name');
  if (name !== undefined && name !== '') ensureObject(metadata, 'labels')['kubernetes.io/metadata.name'] = name;
  const spec = ensureObject(namespace, 'spec');
  if (metadata.deletionTimestamp === undefined) defaultTo(spec, 'finalizers', ['kubernetes']);
}

export function completeService(service: JsonObject): void {
  const spec = ensureObject(service, 'spec');
  defaultTo(spec, 'type', 'ClusterIP');
  defaultTo(spec, 'sessionAffinity', 'None');
  for (const port of objectsAt(spec, 'ports')) {
    defaultTo(port, 'protocol', 'TCP');
    if ((port.targetPort === undefined || port.targetPort === null || port.targetPort === '' || port.targetPort === 0) && port.port !== undefined)
      port.targetPort = port.port;
  }
  if (spec.type === 'ExternalName') return;
  defaultTo(spec, 'internalTrafficPolicy', 'Cluster');
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') defaultTo(spec, 'externalTrafficPolicy', 'Cluster');
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === undefined) spec.allocateLoadBalancerNodePorts = true;
}

export function completeDeployment(deployment: JsonObject): void {
  const spec = ensureObject(deployment, 'spec');
  defaultTo(spec, 'replicas', 1);
  defaultTo(spec, 'revisionHistoryLimit', 10);
  defaultTo(spec, 'progressDeadlineSeconds', 600);
  const strategy = ensureObject(spec, 'strategy');
  defaultTo(strategy, 'type', 'RollingUpdate');
  if (strategy.type === 'RollingUpdate') {
    const rolling = ensureObject(strategy, 'rollingUpdate');
    defaultTo(rolling, 'maxSurge', '25%');
    defaultTo(rolling, 'maxUnavailable', '25%');
  }
  completeTemplate(spec);
}

export function completeReplicaSet(replicaSet: JsonObject): void {
  const spec = ensureObject(replicaSet, 'spec');
  defaultTo(spec, 'replicas', 1);
  completeTemplate(spec);
}

export function completeTemplate(spec: JsonObject): void {
  const template = objectAt(spec, 'template', 'spec');
  if (template) completePodSpec(template);
}

/** Text members of a Secret are stored in base64 beside the others. */
export function completeSecret(secret: JsonObject): void {
  defaultTo(secret, 'type', 'Opaque');
  const text = secret.stringData;
  if (!isObject(text) || Object.values(text).some((value) => typeof value !== 'string')) return;
  const data = ensureObject(secret, 'data');
  for (const [key, value] of Object.entries(text)) if (typeof value === 'string') data[key] = Buffer.from(value, 'utf8').toString('base64');
  delete secret.stringData;
}

export function completeEndpointSlice(slice: JsonObject): void {
  for (const port of objectsAt(slice, 'ports')) {
    if (port.name === undefined || port.name === null) port.name = '';
    defaultTo(port, 'protocol', 'TCP');
  }
}

export function completeWebhooks(configuration: JsonObject, mutating: boolean): void {
  for (const webhook of objectsAt(configuration, 'webhooks')) {
    defaultTo(webhook, 'failurePolicy', 'Fail');
    defaultTo(webhook, 'matchPolicy', 'Equivalent');
    defaultTo(webhook, 'timeoutSeconds', 10);
    defaultTo(webhook, 'namespaceSelector', {});
    defaultTo(webhook, 'objectSelector', {});
    if (mutating) defaultTo(webhook, 'reinvocationPolicy', 'Never');
    for (const rule of objectsAt(webhook, 'rules')) defaultTo(rule, 'scope', '*');
    const service = objectAt(webhook, 'clientConfig', 'service');
    if (service) defaultTo(service, 'port', 443);
  }
}
