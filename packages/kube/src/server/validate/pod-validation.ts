// Pods and pod templates: every problem at once, with its path. Messages follow Kubernetes' own.
import { deepEqual, type JsonObject, objectAt, objectsAt } from '../json/json.ts';
import { type Field, oneOf, uniqueBy } from './field.ts';
import { checkLabels, checkName, portNameProblem } from './names.ts';
import { atLeast, checkPortNumber } from './port.ts';
import { checkProbes } from './probe-validation.ts';
import { checkQuantities, checkQuantity } from './quantity.ts';

export function checkPod(pod: Field, old: JsonObject | undefined): void {
  const spec = pod.at('spec');
  checkPodSpec(spec);
  if (old) checkPodUpdate(spec, objectAt(old, 'spec') ?? {});
}

/** A template's pod spec is checked alike, and restarts as its workload allows. */
export function checkTemplate(template: Field, restartPolicies: readonly string[] = ['Always']): void {
  checkLabels(template.at('metadata', 'labels'));
  for (const [, value] of template.at('metadata', 'annotations').members()) value.text();
  const spec = template.at('spec');
  checkPodSpec(spec);
  const policy = spec.at('restartPolicy');
  if (policy.present && !restartPolicies.includes(policy.value as string)) policy.unsupported(restartPolicies);
}

function checkPodSpec(spec: Field): void {
  const containers = spec.at('containers');
  const list = containers.items();
  if (list.length === 0 && (!containers.present || Array.isArray(containers.value))) containers.required();
  const init = spec.at('initContainers').items();
  const volumes = spec.at('volumes').items();
  const names = new Set<string>();
  for (const volume of volumes) checkVolume(volume);
  uniqueBy(volumes, 'name');
  const volumeNames = new Set(volumes.map((volume) => volume.at('name').value));
  for (const container of [...init, ...list]) {
    checkContainer(container, volumeNames);
    const name = container.at('name');
    if (typeof name.value === 'string' && name.value !== '' && names.has(name.value)) name.duplicate();
    if (typeof name.value === 'string') names.add(name.value);
  }
  checkHostPorts(list);
  oneOf(spec.at('restartPolicy'), ['Always', 'OnFailure', 'Never']);
  oneOf(spec.at('dnsPolicy'), ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']);
  for (const key of ['hostname', 'subdomain']) if (spec.at(key).present && spec.at(key).value !== '') checkName(spec.at(key), 'label');
  for (const key of ['serviceAccountName', 'nodeName']) if (spec.at(key).present && spec.at(key).value !== '') checkName(spec.at(key), 'subdomain');
  atLeast(spec.at('terminationGracePeriodSeconds'), 0);
  if (spec.at('activeDeadlineSeconds').present) atLeast(spec.at('activeDeadlineSeconds'), 1);
  for (const key of ['hostNetwork', 'automountServiceAccountToken', 'shareProcessNamespace']) spec.at(key).flag();
  checkLabels(spec.at('nodeSelector'));
}

function checkContainer(container: Field, volumes: ReadonlySet<unknown>): void {
  checkName(container.at('name'), 'label');
  const image = container.at('image');
  if (!image.present || image.value === '') image.required();
  else if ((image.text() ?? '').trim() !== image.value && typeof image.value === 'string') image.invalid('must not have leading or trailing whitespace');
  oneOf(container.at('imagePullPolicy'), ['Always', 'IfNotPresent', 'Never']);
  for (const key of ['command', 'args']) for (const word of container.at(key).items()) word.text();
  checkPorts(container.at('ports').items());
  for (const variable of container.at('env').items()) checkVariable(variable);
  for (const source of container.at('envFrom').items()) {
    if (!source.at('configMapRef').present && !source.at('secretRef').present) source.invalid('must specify one of: `configMapRef` or `secretRef`');
  }
  const mounts = container.at('volumeMounts').items();
  for (const mount of mounts) {
    const name = mount.at('name');
    if (!name.present || name.value === '') name.required();
    else if (!volumes.has(name.value)) name.notFound();
    const path = mount.at('mountPath');
    if (!path.present || path.value === '') path.required();
    else path.text();
  }
  uniqueBy(mounts, 'mountPath');
  checkQuantities(container.at('resources', 'limits'));
  checkQuantities(container.at('resources', 'requests'));
  checkProbes(container);
  for (const key of ['runAsUser', 'runAsGroup']) if (container.at('securityContext', key).present) atLeast(container.at('securityContext', key), 0);
}

function checkPorts(ports: readonly Field[]): void {
  for (const port of ports) {
    const number = port.at('containerPort');
    if (!number.present) number.required();
    else checkPortNumber(number);
    if (port.at('hostPort').present && port.at('hostPort').value !== 0) checkPortNumber(port.at('hostPort'));
    oneOf(port.at('protocol'), ['SCTP', 'TCP', 'UDP']);
    const name = port.at('name');
    const problem = name.present && name.value !== '' ? portNameProblem(name.text() ?? '') : undefined;
    if (problem !== undefined && typeof name.value === 'string') name.invalid(problem);
  }
  uniqueBy(
    ports.filter((port) => port.at('name').value !== ''),
    'name',
  );
}

function checkHostPorts(containers: readonly Field[]): void {
  const seen = new Set<string>();
  for (const port of containers.flatMap((container) => container.at('ports').items())) {
    const host = port.at('hostPort');
    if (typeof host.value !== 'number' || host.value === 0) continue;
    const key = JSON.stringify([port.at('hostIP').value ?? '', port.at('protocol').value ?? 'TCP', host.value]);
    if (seen.has(key)) host.duplicate();
    seen.add(key);
  }
}

function checkVariable(variable: Field): void {
  const name = variable.at('name');
  if (!name.present || name.value === '') name.required();
  else if ((name.text() ?? '').includes('=')) name.invalid("must not contain '='");
  variable.at('value').text();
  const from = variable.at('valueFrom');
  if (!from.present) return;
  if (variable.at('value').present && variable.at('value').value !== '') from.invalid('may not be specified when `value` is not empty');
  const sources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'].filter((key) => from.at(key).present);
  if (sources.length !== 1) from.invalid('must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`');
  if (from.at('fieldRef').present && !from.at('fieldRef', 'fieldPath').text()) from.at('fieldRef', 'fieldPath').required();
}

function checkVolume(volume: Field): void {
  checkName(volume.at('name'), 'label');
  const sources = volume.members().filter(([key, value]) => key !== 'name' && value.present);
  if (sources.length > 1) volume.forbidden('may not specify more than 1 volume type');
  const size = volume.at('emptyDir', 'sizeLimit');
  if (size.present) checkQuantity(size);
  for (const source of volume.at('projected', 'sources').items()) {
    const token = source.at('serviceAccountToken');
    if (!token.present) continue;
    if (!token.at('path').text()) token.at('path').required();
    const seconds = token.at('expirationSeconds');
    if (seconds.present && (seconds.integer() ?? 600) < 600) seconds.invalid('may not specify a duration less than 10 minutes');
  }
}

const MUTABLE = new Set(['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds']);

/** A pod's spec does not change, but for images and a few numbers. */
function checkPodUpdate(spec: Field, old: JsonObject): void {
  const strip = (value: JsonObject): JsonObject => {
    const rest: JsonObject = {};
    for (const [key, item] of Object.entries(value)) if (!MUTABLE.has(key)) rest[key] = item;
    for (const key of ['containers', 'initContainers']) {
      if (rest[key] !== undefined) rest[key] = objectsAt(value, key).map((container) => ({ ...container, image: '' }));
    }
    return rest;
  };
  const now = spec.value as JsonObject;
  if (typeof now === 'object' && now !== null && !Array.isArray(now) && !deepEqual(strip(now), strip(old))) {
    spec.forbidden(
      'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds`',
    );
  }
}
