// Mutating, then validating webhooks, called for real on writes. Kubernetes "Dynamic Admission Control".
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Clock, Logger } from '@weft/core';
import { apiVersionOf, type ResourceKind } from '../../resources/resource-kind.ts';
import {
  type AdmissionRequest,
  type AdmissionResponse,
  type GroupVersionKind,
  type GroupVersionResource,
  type MutatingWebhook,
  type MutatingWebhookConfiguration,
  mutatingWebhookConfigurationKind,
  type ValidatingWebhook,
  type ValidatingWebhookConfiguration,
  validatingWebhookConfigurationKind,
} from '../../resources/webhook.ts';
import type { ServiceTarget } from '../api-server.ts';
import { ApiError, internal } from '../errors/api-error.ts';
import { decodeJson } from '../json/decode.ts';
import { deepEqual, isObject, type Json, type JsonObject, stringAt } from '../json/json.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { UserInfo } from '../tokens/authenticate.ts';
import { callWebhook } from './webhook-call.ts';
import { type AdmissionTarget, matchedKind } from './webhook-match.ts';

export interface AdmissionContext {
  readonly target: AdmissionTarget;
  readonly user: UserInfo;
  readonly dryRun: boolean;
}

export interface WebhookAdmission {
  /** Whether any webhook would be called for this. */
  concerns(target: AdmissionTarget): boolean;
  /** The object after every mutating webhook. `complete` fills defaults in again after each change. Throws ApiError when one refuses. */
  mutate(context: AdmissionContext, complete: (object: JsonObject) => void, warn: (text: string) => void): Promise<JsonObject | undefined>;
  /** Throws ApiError when a validating webhook refuses. */
  validate(context: AdmissionContext, warn: (text: string) => void): Promise<void>;
}

export interface WebhookAdmissionOptions {
  readonly store: ObjectStore;
  readonly dialService: ((target: ServiceTarget) => Promise<Duplex>) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function webhookAdmission({ store, dialService, clock, logger }: WebhookAdmissionOptions): WebhookAdmission {
  /** Webhooks of all configurations, in order of the configurations' names. */
  const mutating = (): MutatingWebhook[] =>
    store
      .collection(mutatingWebhookConfigurationKind)
      .list()
      .flatMap(({ object }) => [...((object as unknown as MutatingWebhookConfiguration).webhooks ?? [])]);
  const validating = (): ValidatingWebhook[] =>
    store
      .collection(validatingWebhookConfigurationKind)
      .list()
      .flatMap(({ object }) => [...((object as unknown as ValidatingWebhookConfiguration).webhooks ?? [])]);

  /** Undefined when the webhook failed and its policy is to go on without it. */
  const call = async (
    webhook: ValidatingWebhook,
    seen: ResourceKind,
    context: AdmissionContext,
    warn: (text: string) => void,
  ): Promise<AdmissionResponse | undefined> => {
    try {
      const response = await callWebhook(webhook, requestOf(context, seen), { dialService, clock });
      for (const text of response.warnings ?? []) warn(text);
      if (!response.allowed) throw denied(webhook.name, response);
      return response;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      const message = `failed calling webhook ${JSON.stringify(webhook.name)}: ${error instanceof Error ? error.message : String(error)}`;
      logger.log('warn', 'an admission webhook failed', { webhook: webhook.name, policy: webhook.failurePolicy ?? 'Fail', error: message });
      if (webhook.failurePolicy === 'Ignore') return undefined;
      throw internal(message);
    }
  };

  return {
    concerns: (target) => !exempt(target) && [...mutating(), ...validating()].some((webhook) => matchedKind(webhook, target) !== undefined),
    async mutate(context, complete, warn) {
      if (exempt(context.target)) return context.target.object;
      let object = context.target.object;
      const run = async (webhook: MutatingWebhook): Promise<boolean> => {
        const target = { ...context.target, object };
        const kind = matchedKind(webhook, target);
        if (!kind) return false;
        const response = await call(webhook, kind, { ...context, target }, warn);
        const patched = response?.patch === undefined || !object ? undefined : patchedBy(webhook.name, object, response.patch);
        if (!patched || deepEqual(patched, object)) return false;
        complete(patched);
        object = patched;
        return true;
      };
      const again: MutatingWebhook[] = [];
      const seen: MutatingWebhook[] = [];
      for (const webhook of mutating()) {
        // Those that asked for it see what later webhooks changed, once.
        if (await run(webhook)) again.push(...seen.splice(0));
        if (webhook.reinvocationPolicy === 'IfNeeded') seen.push(webhook);
      }
      for (const webhook of again) await run(webhook);
      return object;
    },
    async validate(context, warn) {
      if (exempt(context.target)) return;
      const matching = validating().flatMap((webhook) => {
        const kind = matchedKind(webhook, context.target);
        return kind ? [call(webhook, kind, context, warn)] : [];
      });
      await Promise.all(matching);
    },
  };
}

/** A broken webhook must not keep its own configuration from being repaired. */
function exempt({ kind }: AdmissionTarget): boolean {
  return kind.group === mutatingWebhookConfigurationKind.group;
}

/** `seen` is the version that the webhook knows; the one that was written stands beside it. */
function requestOf({ target, user, dryRun }: AdmissionContext, seen: ResourceKind): AdmissionRequest {
  const { operation, object, old, namespace, subresource } = target;
  const gvk = ({ group, version, kind }: ResourceKind): GroupVersionKind => ({ group, version, kind });
  const gvr = ({ group, version, plural }: ResourceKind): GroupVersionResource => ({ group, version, resource: plural });
  const options = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' }[operation];
  const name = stringAt(object ?? old, 'metadata', 'name');
  const typed = (value: JsonObject | undefined): Json => (value ? { ...value, apiVersion: apiVersionOf(seen), kind: seen.kind } : null);
  return {
    uid: randomUUID(),
    kind: gvk(seen),
    resource: gvr(seen),
    requestKind: gvk(target.kind),
    requestResource: gvr(target.kind),
    ...(subresource === undefined ? {} : { subResource: subresource, requestSubResource: subresource }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    operation,
    userInfo: user,
    object: typed(object),
    oldObject: typed(old),
    dryRun,
    options: { apiVersion: 'meta.k8s.io/v1', kind: options },
  };
}

function denied(name: string, { status }: AdmissionResponse): ApiError {
  const code = status?.code !== undefined && status.code >= 400 && status.code < 600 ? status.code : 403;
  const why = status?.message ?? status?.reason;
  const message = `admission webhook ${JSON.stringify(name)} denied the request${why === undefined ? ' without explanation' : `: ${why}`}`;
  return new ApiError(code, status?.reason ?? 'Forbidden', message, {});
}

function patchedBy(name: string, object: JsonObject, patch: string): JsonObject {
  try {
    const result = jsonPatch(object, decodeJson(Buffer.from(patch, 'base64').toString('utf8')));
    if (result.kind === 'patched' && isObject(result.object.metadata)) return result.object;
    throw internal(`webhook ${JSON.stringify(name)}: ${result.kind === 'refused' ? result.message : 'the patch removes metadata'}`);
  } catch (error) {
    if (error instanceof ApiError && error.status.code === 400) throw internal(`webhook ${JSON.stringify(name)}: the patch is not JSON`);
    throw error;
  }
}
