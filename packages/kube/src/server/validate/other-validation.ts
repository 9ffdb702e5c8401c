// ConfigMaps, Secrets, Events and webhook configurations.
import { deepEqual, type JsonObject, stringAt } from '../json/json.ts';
import { type Field, oneOf, uniqueBy } from './field.ts';
import { checkName, dataKeyProblem } from './names.ts';
import { atLeast } from './port.ts';
import { checkSelector } from './workload-validation.ts';

const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_DATA_BYTES = 1024 * 1024;

export function checkConfigMap(map: Field, old: JsonObject | undefined): void {
  checkData(map.at('data'), false);
  checkData(map.at('binaryData'), true);
  for (const [key, field] of map.at('binaryData').members()) if (map.at('data', key).present) field.invalid('duplicate of key present in data');
  checkImmutable(map, old, ['data', 'binaryData']);
}

export function checkSecret(secret: Field, old: JsonObject | undefined): void {
  checkData(secret.at('data'), true);
  for (const [, value] of secret.at('stringData').members()) value.text();
  const type = secret.at('type');
  type.text();
  if (old && stringAt(old, 'type') !== type.value) type.invalid('field is immutable');
  if (type.value === 'kubernetes.io/tls') {
    for (const key of ['tls.crt', 'tls.key']) if (secret.at('data').value === undefined || !secret.at('data', key).present) secret.at('data', key).required();
  }
  checkImmutable(secret, old, ['data', 'type']);
}

function checkData(data: Field, encoded: boolean): void {
  let size = 0;
  for (const [key, value] of data.members()) {
    const problem = dataKeyProblem(key);
    if (problem !== undefined) data.invalid(`${JSON.stringify(key)}: ${problem}`);
    const text = value.text();
    if (encoded && text !== undefined && !BASE64.test(text)) value.invalid('must be base64');
    size += text?.length ?? 0;
  }
  if (size > MAX_DATA_BYTES) data.invalid(`must have at most ${MAX_DATA_BYTES} bytes`);
}

function checkImmutable(object: Field, old: JsonObject | undefined, keys: readonly string[]): void {
  object.at('immutable').flag();
  if (old?.immutable !== true) return;
  for (const key of [...keys, 'immutable']) {
    if (!deepEqual(old[key], object.at(key).value)) object.at(key).forbidden('field is immutable when `immutable` is set');
  }
}

export function checkEvent(event: Field): void {
  const involved = event.at('involvedObject');
  if (!involved.present) return involved.required();
  const namespace = involved.at('namespace').text() ?? '';
  const own = event.at('metadata', 'namespace').value;
  // Events about cluster-scoped objects live in default.
  if (namespace === '' ? own !== 'default' && own !== 'kube-system' : namespace !== own) involved.at('namespace').invalid('does not match event.namespace');
}

export function checkWebhooks(configuration: Field): void {
  const webhooks = configuration.at('webhooks').items();
  uniqueBy(webhooks, 'name');
  for (const webhook of webhooks) {
    const name = webhook.at('name');
    checkName(name, 'subdomain');
    if (typeof name.value === 'string' && name.value.split('.').length < 3) name.invalid('should be a domain with at least three segments separated by dots');
    checkClientConfig(webhook.at('clientConfig'));
    oneOf(webhook.at('failurePolicy'), ['Fail', 'Ignore']);
    oneOf(webhook.at('matchPolicy'), ['Equivalent', 'Exact']);
    oneOf(webhook.at('reinvocationPolicy'), ['IfNeeded', 'Never']);
    if (!webhook.at('sideEffects').present) webhook.at('sideEffects').required('must specify one of None, NoneOnDryRun');
    else oneOf(webhook.at('sideEffects'), ['None', 'NoneOnDryRun']);
    // A condition that is not evaluated would let through, or stop, what it should not.
    if (webhook.at('matchConditions').items().length > 0) webhook.at('matchConditions').forbidden('conditions in CEL are not evaluated by this server');
    checkSelector(webhook.at('namespaceSelector'));
    checkSelector(webhook.at('objectSelector'));
    const timeout = webhook.at('timeoutSeconds');
    atLeast(timeout, 1);
    if (typeof timeout.value === 'number' && timeout.value > 30) timeout.invalid('the timeout value must be between 1 and 30 seconds');
    const versions = webhook.at('admissionReviewVersions');
    if (versions.items().length === 0) versions.required('must specify one of v1, v1beta1');
    else if (!versions.items().some((version) => version.value === 'v1')) versions.invalid('must include v1, the version this server sends');
    for (const rule of webhook.at('rules').items()) {
      for (const key of ['operations', 'apiGroups', 'apiVersions', 'resources']) if (rule.at(key).items().length === 0) rule.at(key).required();
      for (const operation of rule.at('operations').items()) oneOf(operation, ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']);
      oneOf(rule.at('scope'), ['*', 'Cluster', 'Namespaced']);
    }
  }
}

function checkClientConfig(config: Field): void {
  const url = config.at('url');
  const service = config.at('service');
  if (url.present === service.present) return config.required('exactly one of url or service is required');
  if (url.present) {
    const text = url.text() ?? '';
    if (!URL.canParse(text) || new URL(text).protocol !== 'https:') url.invalid("'https' is the only allowed URL scheme");
    return;
  }
  for (const key of ['namespace', 'name']) if (!service.at(key).text()) service.at(key).required();
  const bundle = config.at('caBundle');
  const text = bundle.text();
  if (text !== undefined && text !== '' && !Buffer.from(text, 'base64').toString('latin1').includes('-----BEGIN CERTIFICATE-----')) {
    bundle.invalid('unable to load root certificates: no PEM certificate');
  }
}
