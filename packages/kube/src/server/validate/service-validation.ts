// Services and EndpointSlices.
import { isIp } from '@weft/core';
import { type JsonObject, stringAt } from '../json/json.ts';
import { type Field, oneOf, uniqueBy } from './field.ts';
import { checkLabels, checkName, nameProblem } from './names.ts';
import { checkPortNumber, checkPortOrName } from './port.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

export function checkService(service: Field, old: JsonObject | undefined): void {
  const spec = service.at('spec');
  const type = spec.at('type');
  oneOf(type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']);
  checkLabels(spec.at('selector'));
  oneOf(spec.at('sessionAffinity'), ['ClientIP', 'None']);
  oneOf(spec.at('internalTrafficPolicy'), ['Cluster', 'Local']);
  oneOf(spec.at('externalTrafficPolicy'), ['Cluster', 'Local']);
  spec.at('publishNotReadyAddresses').flag();
  checkServicePorts(spec, type.value === 'ExternalName' || spec.at('clusterIP').value === 'None');
  if (type.value === 'ExternalName') {
    const name = spec.at('externalName');
    if (!name.present || name.value === '') name.required();
    else if (nameProblem((name.text() ?? '').replace(/\.$/, ''), 'subdomain') !== undefined) name.invalid('must be a lowercase RFC 1123 subdomain');
  }
  checkClusterIp(spec, old);
}

function checkServicePorts(spec: Field, mayBeEmpty: boolean): void {
  const ports = spec.at('ports');
  const list = ports.items();
  if (list.length === 0 && !mayBeEmpty && (!ports.present || Array.isArray(ports.value))) ports.required();
  const seen = new Set<string>();
  for (const port of list) {
    const name = port.at('name');
    if (list.length > 1 && (!name.present || name.value === '')) name.required();
    else if (name.present && name.value !== '') checkName(name, 'label');
    const number = port.at('port');
    if (!number.present) number.required();
    else checkPortNumber(number);
    oneOf(port.at('protocol'), PROTOCOLS);
    if (port.at('targetPort').present) checkPortOrName(port.at('targetPort'));
    if (port.at('nodePort').present && port.at('nodePort').value !== 0) checkPortNumber(port.at('nodePort'));
    port.at('appProtocol').text();
    const key = JSON.stringify([port.at('protocol').value ?? 'TCP', number.value ?? null]);
    if (seen.has(key)) port.duplicate();
    seen.add(key);
  }
  uniqueBy(
    list.filter((port) => port.at('name').value !== ''),
    'name',
  );
}

function checkClusterIp(spec: Field, old: JsonObject | undefined): void {
  const address = spec.at('clusterIP');
  const text = address.text();
  if (text !== undefined && text !== '' && text !== 'None' && !isIp(text)) address.invalid("must be empty, 'None', or a valid IP address");
  const before = stringAt(old, 'spec', 'clusterIP');
  const typeBefore = stringAt(old, 'spec', 'type');
  if (before !== undefined && before !== '' && typeBefore !== 'ExternalName' && spec.at('type').value !== 'ExternalName' && text !== before) {
    address.invalid('field is immutable');
  }
}

export function checkEndpointSlice(slice: Field, old: JsonObject | undefined): void {
  const type = slice.at('addressType');
  if (!type.present) type.required();
  oneOf(type, ['FQDN', 'IPv4', 'IPv6']);
  if (old && stringAt(old, 'addressType') !== type.value) type.invalid('field is immutable');
  const endpoints = slice.at('endpoints').items();
  if (endpoints.length > 1000) slice.at('endpoints').invalid('must have at most 1000 items');
  for (const endpoint of endpoints) {
    const addresses = endpoint.at('addresses');
    const list = addresses.items();
    if (list.length === 0) addresses.required('must contain at least 1 address');
    for (const address of list) {
      const text = address.text();
      if (text === undefined) continue;
      const wrong = type.value === 'IPv4' ? !isIp(text) || text.includes(':') : type.value === 'IPv6' ? !isIp(text) || !text.includes(':') : false;
      if (wrong) address.invalid(`must be a valid ${type.text() ?? ''} address`);
    }
    for (const condition of ['ready', 'serving', 'terminating']) endpoint.at('conditions', condition).flag();
    if (endpoint.at('hostname').present) checkName(endpoint.at('hostname'), 'label');
  }
  const ports = slice.at('ports').items();
  uniqueBy(ports, 'name');
  for (const port of ports) {
    if (port.at('port').present) checkPortNumber(port.at('port'));
    oneOf(port.at('protocol'), PROTOCOLS);
    const name = port.at('name');
    if (name.present && name.value !== '') checkName(name, 'label');
  }
}
