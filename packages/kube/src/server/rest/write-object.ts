// Creating and changing objects: completion, admission, validation, storage. Kubernetes API conventions, "Object metadata" and "Concurrency control".
import { randomUUID } from 'node:crypto';
import type { StatusCause } from '../../client/kube-error.ts';
import { namespaceKind, serviceAccountKind } from '../../resources/cluster.ts';
import { podKind } from '../../resources/pod.ts';
import { apiVersionOf } from '../../resources/resource-kind.ts';
import { serviceKind } from '../../resources/service.ts';
import { nameSuffix } from '../admission/name-suffix.ts';
import { admitServiceAccount } from '../admission/service-account-admission.ts';
import { trackUpdate } from '../apply/field-managers.ts';
import { alreadyExists, badRequest, conflict, forbidden, invalid, modified, notFound } from '../errors/api-error.ts';
import { clone, deepEqual, ensureObject, isObject, type Json, type JsonObject, objectAt, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import { keyOf, type Revision } from '../storage/collection.ts';
import type { UserInfo } from '../tokens/authenticate.ts';
import { fieldOf } from '../validate/field.ts';
import { checkMetadata } from '../validate/metadata.ts';
import { admissionTarget } from './admission-target.ts';
import { type ApiState, timestamp } from './api-state.ts';
import { finishIfReleased } from './remove-object.ts';
import { applyUpdateRules } from './update-rules.ts';

export interface WriteContext {
  readonly kind: KindDefinition;
  readonly namespace: string | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly warn: (text: string) => void;
  /** Name of the field manager of a write that is no apply. */
  readonly manager: string;
  /** Ownership of a new object made by an apply. */
  readonly managedFields?: Json;
  /** The wanted object carries its ownership itself: always after an apply, where it changed it in a JSON patch. */
  readonly ownership?: 'applied' | 'patched';
}

/** The object of a body, without nulls, with its type checked against the path. */
export function objectOf(body: Json | undefined, { kind, namespace }: WriteContext, name?: string): JsonObject {
  const { resource } = kind;
  if (!isObject(body)) throw badRequest('the body of the request must be an object');
  const object = withoutNulls(clone(body)) as JsonObject;
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
  return object;
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
  const admitted = await admit(state, context, object, undefined);
  check(kind, admitted, undefined);
  await state.webhooks.validate(
    { target: admissionTarget(state, { ...context, object: admitted, old: undefined }), user: context.user, dryRun: context.dryRun },
    context.warn,
  );
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

export interface UpdateRequest {
  readonly name: string;
  readonly subresource: 'status' | 'scale' | 'finalize' | undefined;
  /** Makes the wanted object from a copy of the present one. Called again when another write came in between. */
  readonly change: (current: JsonObject) => JsonObject;
}

const MAX_ATTEMPTS = 8;

/** Changes a stored object. Without a resourceVersion in the wanted object a concurrent write is merged over; with one it is a conflict. */
export async function updateObject(state: ApiState, context: WriteContext, { name, subresource, change }: UpdateRequest): Promise<Revision> {
  const { resource } = context.kind;
  const key = keyOf(context.namespace, name);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const current = state.store.collection(resource).get(key);
    if (!current) throw notFound(resource, name);
    const wanted = change(clone(current.object));
    const metadata = ensureObject(wanted, 'metadata');
    const based = metadata.resourceVersion;
    if (based !== undefined && based !== '' && based !== String(current.version)) throw modified(resource, name);
    const uid = metadata.uid;
    if (uid !== undefined && uid !== stringAt(current.object, 'metadata', 'uid'))
      throw conflict(resource, name, 'the UID in the object does not match the stored one');
    const next = await prepareUpdate(state, context, wanted, current, subresource);
    if (deepEqual(withoutVersion(next), withoutVersion(current.object))) return current;
    if (context.dryRun) return provisional(next, current.version);
    const stored = state.store.replace(resource, next, current);
    if (stored !== 'stale') return finishIfReleased(state, context.kind, stored);
  }
  throw modified(resource, name);
}

async function prepareUpdate(
  state: ApiState,
  context: WriteContext,
  wanted: JsonObject,
  current: Revision,
  subresource: UpdateRequest['subresource'],
): Promise<JsonObject> {
  const { kind } = context;
  const old = current.object;
  const next = applyUpdateRules(kind, wanted, old, subresource, context.ownership !== undefined);
  if (subresource === undefined || subresource === 'scale') {
    kind.complete(next);
    if (kind.resource === serviceKind) assignAddresses(state, kind, next, old);
  }
  if (deepEqual(withoutVersion(next), withoutVersion(old))) return next;
  const admitted = await admit(state, context, next, old, subresource);
  const final = applyUpdateRules(kind, admitted, old, subresource, context.ownership !== undefined);
  if (context.ownership === undefined || (context.ownership === 'patched' && ownershipKept(final, old))) {
    const manager = { name: context.manager, operation: 'Update', apiVersion: apiVersionOf(kind.resource), subresource: subresource ?? '' } as const;
    trackUpdate(final, old, manager, kind.merge, timestamp(state.clock.wall()));
  }
  check(kind, final, old);
  await state.webhooks.validate(
    { target: admissionTarget(state, { ...context, object: final, old, subresource }), user: context.user, dryRun: context.dryRun },
    context.warn,
  );
  return final;
}

function withoutVersion(object: JsonObject): JsonObject {
  const { resourceVersion: _version, ...metadata } = objectAt(object, 'metadata') ?? {};
  return { ...object, metadata };
}

async function admit(state: ApiState, context: WriteContext, object: JsonObject, old: JsonObject | undefined, subresource?: string): Promise<JsonObject> {
  const target = admissionTarget(state, { ...context, object, old, subresource });
  const admitted = await state.webhooks.mutate({ target, user: context.user, dryRun: context.dryRun }, context.kind.complete, context.warn);
  return admitted ? clone(admitted) : object;
}

/** Throws a 422 that names everything wrong with the object. */
function check(kind: KindDefinition, object: JsonObject, old: JsonObject | undefined): void {
  const causes: StatusCause[] = [];
  const root = fieldOf(object, causes);
  checkMetadata(root.at('metadata'), kind.nameRule);
  kind.check(root, old);
  if (causes.length > 0) throw invalid(kind.resource, stringAt(object, 'metadata', 'name') ?? '', causes);
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

function assignAddresses(state: ApiState, kind: KindDefinition, service: JsonObject, old: JsonObject | undefined): void {
  const problem = state.services.assign(service, old);
  if (!problem) return;
  const message = `Invalid value: ${JSON.stringify(problem.value)}: ${problem.message}`;
  throw invalid(kind.resource, stringAt(service, 'metadata', 'name') ?? '', [{ reason: 'FieldValueInvalid', message, field: problem.field }]);
}

/** What would have been stored: the answer to a dry run. */
function provisional(object: JsonObject, version: number): Revision {
  return { object, version, text: JSON.stringify(object) };
}

function ownershipKept(next: JsonObject, old: JsonObject): boolean {
  return deepEqual(objectAt(next, 'metadata')?.managedFields, objectAt(old, 'metadata')?.managedFields);
}
