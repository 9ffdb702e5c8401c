// Creating objects: completion, admission, validation, storage. Kubernetes API conventions, "Object metadata".

import { randomUUID } from 'node:crypto';
import { namespaceKind, serviceAccountKind } from '../../resources/cluster.ts';
import { podKind } from '../../resources/pod.ts';
import { apiVersionOf } from '../../resources/resource-kind.ts';
import { serviceKind } from '../../resources/service.ts';
import { nameSuffix } from '../admission/name-suffix.ts';
import { admitServiceAccount } from '../admission/service-account-admission.ts';
import { alreadyExists, badRequest, forbidden, notFound, terminating } from '../errors/api-error.ts';
import { clone, ensureObject, isObject, type Json, type JsonObject, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { Revision } from '../storage/collection.ts';
import { keyOf } from '../storage/object-key.ts';
import type { UserInfo } from '../tokens/authenticate.ts';
import { admissionTarget } from './admission-target.ts';
import { type ApiState, timestamp } from './api-state.ts';
import { assignAddresses, check, provisional } from './final-checks.ts';

export interface WriteContext {
  readonly kind: KindDefinition;
  readonly namespace: string | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly warn: (text: string) => void;
  /** What is done about fields that the kind does not know. */
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  /** Name of the field manager of a write that is no apply. */
  readonly manager: string;
  /** Ownership of a new object made by an apply. */
  readonly managedFields?: Json;
  /** The wanted object carries its ownership itself: always after an apply, where it changed it in a JSON patch. */
  readonly ownership?: 'applied' | 'patched';
}

/** The object of a body, without nulls, with its type checked against the path. */
export function objectOf(body: Json | undefined, { kind, namespace, fieldValidation, warn }: WriteContext, name?: string): JsonObject {
  const { resource } = kind;
  if (!isObject(body)) throw badRequest('the body of the request must be an object');
  const object = plainObject(clone(body), kind);
  const want = apiVersionOf(resource);
  if (object.apiVersion === undefined || object.apiVersion === '') object.apiVersion = want;
  if (object.kind === undefined || object.kind === '') object.kind = resource.kind;
  if (object.apiVersion !== want || object.kind !== resource.kind) {
    throw badRequest(`the object provided (${JSON.stringify(object.apiVersion)}, Kind=${JSON.stringify(object.kind)}) is not a ${want}, Kind=${resource.kind}`);
  }
  if (object.metadata !== undefined && !isObject(object.metadata)) throw badRequest('metadata must be an object');
  const metadata = ensureObject(object, 'metadata');
  if (resource.namespaced) {
    const given = metadata.namespace;
    if (given !== undefined && given !== '' && given !== namespace) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request (${JSON.stringify(given)}, ${JSON.stringify(namespace ?? '')})`,
      );
    }
    metadata.namespace = namespace;
  } else delete metadata.namespace;
  if (name !== undefined) {
    if (metadata.name !== undefined && metadata.name !== name)
      throw badRequest(`the name of the object (${JSON.stringify(metadata.name)}) does not match the name on the URL (${name})`);
    metadata.name = name;
  }
  const unknown = kind.prune?.(object).map((path) => `unknown field ${JSON.stringify(path)}`) ?? [];
  if (unknown.length > 0 && fieldValidation === 'Strict') throw badRequest(`strict decoding error: ${unknown.join(', ')}`);
  if (fieldValidation !== 'Ignore') for (const text of unknown) warn(text);
  return object;
}

/** Nulls say nothing, except to a schema that allows them. */
function plainObject(body: JsonObject, { schema, isCustom }: KindDefinition): JsonObject {
  if (!isCustom || !schema) return withoutNulls(body) as JsonObject;
  for (const key of ['metadata', 'status']) if (body[key] === null) delete body[key];
  if (body.metadata !== undefined) body.metadata = withoutNulls(body.metadata);
  return body;
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  for (const [key, item] of Object.entries(value)) {
    if (item === null || item === undefined) delete value[key];
    else value[key] = withoutNulls(item);
  }
  return value;
}

/** Stores a new object. `object` is the caller's to give away. */
export async function createObject(state: ApiState, context: WriteContext, object: JsonObject): Promise<Revision> {
  const { kind } = context;
  const { resource } = kind;
  if (kind.life?.isTerminating()) throw terminating(resource);
  const metadata = ensureObject(object, 'metadata');
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') throw badRequest('resourceVersion should not be set on objects to be created');
  for (const key of [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'resourceVersion',
    'selfLink',
    'managedFields',
  ])
    delete metadata[key];
  requireNamespace(state, context);
  const base = stringAt(metadata, 'generateName') ?? '';
  if ((metadata.name === undefined || metadata.name === '') && base !== '') metadata.name = generatedName(state, context, base);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(state.clock.wall());
  if (kind.hasGeneration) metadata.generation = 1;
  if (context.managedFields !== undefined) metadata.managedFields = context.managedFields;
  if (kind.hasStatus) {
    delete object.status;
    const status = kind.initialStatus?.(object);
    if (status) object.status = status;
  }
  kind.complete(object);
  if (resource === podKind) servePod(state, context, object);
  const { user, dryRun, warn } = context;
  const target = admissionTarget(state, { ...context, object, old: undefined });
  const mutated = await state.webhooks.mutate({ target, user, dryRun }, kind.complete, warn);
  const admitted = mutated ? clone(mutated) : object;
  check(kind, admitted, undefined);
  await state.webhooks.validate({ target: { ...target, object: admitted }, user, dryRun }, warn);
  if (kind.initialStatus) admitted.status = kind.initialStatus(admitted);
  if (resource === serviceKind) assignAddresses(state, kind, admitted, undefined);
  // Admission may have taken a while.
  requireNamespace(state, context);
  const name = stringAt(admitted, 'metadata', 'name') ?? '';
  if (context.dryRun) {
    if (state.store.collection(resource).get(keyOf(context.namespace, name))) throw alreadyExists(resource, name);
    return provisional(admitted, state.store.version);
  }
  const stored = state.store.add(resource, admitted);
  if (stored === 'exists') throw alreadyExists(resource, name);
  return stored;
}

/** Tries a few suffixes before giving up: the space is large, but not endless. */
function generatedName(state: ApiState, { kind, namespace }: WriteContext, base: string): string {
  const objects = state.store.collection(kind.resource);
  const prefix = base.slice(0, (kind.nameRule === 'subdomain' || kind.nameRule === 'path' ? 253 : 63) - 5);
  let name = prefix + nameSuffix(state.random);
  for (let tries = 0; tries < 8 && objects.get(keyOf(namespace, name)); tries++) name = prefix + nameSuffix(state.random);
  return name;
}

function requireNamespace(state: ApiState, { kind, namespace }: WriteContext): void {
  if (!kind.resource.namespaced) return;
  const found = state.store.collection(namespaceKind).get(keyOf(undefined, namespace ?? ''))?.object;
  if (!found) throw notFound(namespaceKind, namespace ?? '');
  if (stringAt(found, 'metadata', 'deletionTimestamp') !== undefined) {
    const why = `unable to create new content in namespace ${namespace ?? ''} because it is being terminated`;
    throw forbidden(kind.resource, '', why, [
      { reason: 'NamespaceTerminating', message: `namespace ${namespace ?? ''} is being terminated`, field: 'metadata.namespace' },
    ]);
  }
}

function servePod(state: ApiState, { namespace }: WriteContext, pod: JsonObject): void {
  const accounts = state.store.collection(serviceAccountKind);
  const outcome = admitServiceAccount(pod, (name) => accounts.get(keyOf(namespace, name))?.object, state.random);
  if (outcome.kind === 'refused') throw forbidden(podKind, stringAt(pod, 'metadata', 'name') ?? '', outcome.message);
}
