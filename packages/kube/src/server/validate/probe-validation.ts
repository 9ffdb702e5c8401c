// Probes and lifecycle hooks of a container.
import type { Field } from './field.ts';
import { oneOf } from './field.ts';
import { atLeast, checkPortNumber, checkPortOrName } from './port.ts';

const ACTIONS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];

export function checkProbes(container: Field): void {
  for (const key of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container.at(key);
    if (!probe.present) continue;
    checkAction(probe);
    atLeast(probe.at('initialDelaySeconds'), 0);
    for (const limit of ['timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold']) atLeast(probe.at(limit), 1);
    const success = probe.at('successThreshold');
    if (key !== 'readinessProbe' && typeof success.value === 'number' && success.value > 1) success.invalid('must be 1');
  }
  for (const key of ['postStart', 'preStop']) if (container.at('lifecycle', key).present) checkAction(container.at('lifecycle', key));
}

function checkAction(field: Field): void {
  const actions = ACTIONS.filter((action) => field.at(action).present);
  if (actions.length === 0) field.required('must specify a handler type');
  for (const action of actions.slice(1)) field.at(action).forbidden('may not specify more than 1 handler type');
  if (field.at('httpGet').present) {
    requiredPort(field.at('httpGet', 'port'));
    oneOf(field.at('httpGet', 'scheme'), ['HTTP', 'HTTPS']);
  }
  if (field.at('tcpSocket').present) requiredPort(field.at('tcpSocket', 'port'));
  if (field.at('grpc').present) {
    if (!field.at('grpc', 'port').present) field.at('grpc', 'port').required();
    else checkPortNumber(field.at('grpc', 'port'));
  }
}

function requiredPort(port: Field): void {
  if (port.present) checkPortOrName(port);
  else port.required();
}
