// The token subresource of ServiceAccounts. authentication.k8s.io/v1 TokenRequest.

import type { StatusCause } from '../../client/kube-error.ts';
import { podKind } from '../../resources/pod.ts';
import { conflict, invalid, methodNotAllowed, notFound } from '../errors/api-error.ts';
import { isObject, type JsonObject, objectAt, stringAt } from '../json/json.ts';
import { keyOf } from '../storage/object-key.ts';
import { fieldOf } from '../validate/field.ts';
import { type ApiAnswer, type ApiRequest, jsonAnswer } from './api-request.ts';
import { type ApiState, timestamp } from './api-state.ts';

const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

export function requestToken(state: ApiState, request: ApiRequest): ApiAnswer {
  if (request.method !== 'POST') throw methodNotAllowed(request.method);
  const { kind, path } = request;
  const name = path.name ?? '';
  const account = state.store.collection(kind.resource).get(keyOf(path.namespace, name))?.object;
  if (!account) throw notFound(kind.resource, name);
  const spec = objectAt(request.body, 'spec') ?? {};
  const { audiences, seconds, pod } = checkedSpec(state, request, spec);
  const { token, expiresAtSeconds } = state.tokens.issue(
    {
      namespace: path.namespace ?? '',
      serviceAccount: { name, uid: stringAt(account, 'metadata', 'uid') ?? '' },
      ...(pod ? { pod } : {}),
    },
    audiences,
    seconds,
  );
  const now = timestamp(state.clock.wall());
  return jsonAnswer(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace: path.namespace, creationTimestamp: now },
    spec: { ...spec, audiences, expirationSeconds: seconds },
    status: { token, expirationTimestamp: timestamp(expiresAtSeconds * 1000) },
  });
}

function checkedSpec(
  state: ApiState,
  { path }: ApiRequest,
  spec: JsonObject,
): { audiences: string[]; seconds: number; pod: { name: string; uid: string } | undefined } {
  const causes: StatusCause[] = [];
  const root = fieldOf(spec, causes, 'spec');
  const named = root
    .at('audiences')
    .items()
    .map((item) => item.text())
    .filter((item) => item !== undefined);
  const seconds = root.at('expirationSeconds').integer() ?? 3600;
  if (seconds < MIN_SECONDS) root.at('expirationSeconds').invalid('may not specify a duration less than 10 minutes');
  if (seconds > MAX_SECONDS) root.at('expirationSeconds').invalid('may not specify a duration larger than 2^32 seconds');
  const bound = root.at('boundObjectRef');
  if (bound.present && bound.at('kind').value !== 'Pod') bound.at('kind').unsupported(['Pod']);
  const podName = bound.present ? (bound.at('name').text() ?? '') : '';
  if (bound.present && podName === '') bound.at('name').required();
  if (causes.length > 0) throw invalid({ group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' }, path.name ?? '', causes);
  return {
    audiences: named.length > 0 ? named : [...state.apiAudiences],
    seconds,
    pod: isObject(bound.value) ? boundPod(state, path.namespace, bound.value) : undefined,
  };
}

/** A token dies with the pod it is bound to, so that pod must be there, and be the one that was meant. */
function boundPod(state: ApiState, namespace: string | undefined, reference: JsonObject): { name: string; uid: string } {
  const name = stringAt(reference, 'name') ?? '';
  const pod = state.store.collection(podKind).get(keyOf(namespace, name))?.object;
  if (!pod) throw notFound(podKind, name);
  const uid = stringAt(pod, 'metadata', 'uid') ?? '';
  const wanted = stringAt(reference, 'uid') ?? '';
  if (wanted !== '' && wanted !== uid)
    throw conflict(
      podKind,
      name,
      `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  return { name, uid };
}
