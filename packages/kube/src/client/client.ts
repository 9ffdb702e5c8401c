// The client: typed calls over the transport.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '@weft/core';
import { serviceAccountKind } from '../resources/cluster.ts';
import type { KubeObject, ObjectRef } from '../resources/meta.ts';
import { podKind } from '../resources/pod.ts';
import { apiVersionOf, collectionPath, objectPath, type ResourceKind } from '../resources/resource-kind.ts';
import type { CallOptions, IssuedToken, KubeClient, PatchBody, TokenReviewStatus, WriteOptions } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { type RequestRate, requestRate } from './request-rate.ts';
import { parseJson, readText, refusal } from './response-body.ts';
import { createTransport } from './transport.ts';
import { typed, watchEvents } from './watch-stream.ts';

export interface KubeClientOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly server: string;
  /** Bearer token; a function is asked before each request, so that a rotated token is picked up. */
  readonly token?: string | (() => string | Promise<string>);
  /** PEM of the authorities that the server's certificate must chain to. */
  readonly ca?: string;
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  readonly tlsServerName?: string;
  /** Default false. */
  readonly insecureSkipTlsVerify?: boolean;
  /** Opens the byte stream to the server instead of TCP: another namespace, a tunnel, a test. */
  readonly dial?: () => Promise<Duplex>;
  /** How long the head of an answer may take, in milliseconds. Default 30000. */
  readonly requestTimeoutMs?: number;
  /** Requests beyond it wait their turn. Default: no limit. */
  readonly rate?: RequestRate;
  /** Default `weft`. */
  readonly userAgent?: string;
  readonly clock?: Clock;
}

const PATCH_TYPES: Readonly<Record<PatchBody['kind'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

export function kubeClient(options: KubeClientOptions): KubeClient {
  const clock = options.clock ?? systemClock();
  const transport = createTransport({ ...options, clock, requestTimeoutMs: options.requestTimeoutMs ?? 30_000 });
  const userAgent = options.userAgent ?? 'weft';
  const admit = options.rate && requestRate(options.rate, clock);

  const send = async (method: string, path: string, call: CallOptions = {}, body?: unknown, type = 'application/json'): Promise<IncomingMessage> => {
    await admit?.(call.signal);
    const token = typeof options.token === 'function' ? await options.token() : options.token;
    return transport.send({
      method,
      path,
      headers: {
        accept: 'application/json',
        'user-agent': userAgent,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(call.signal ? { signal: call.signal } : {}),
    });
  };
  const ask = async (method: string, path: string, call?: CallOptions, body?: unknown, type?: string): Promise<unknown> => {
    const what = `${method} ${path}`;
    const response = await send(method, path, call, body, type);
    if (!succeeded(response)) throw await refusal(response, what);
    return parseJson(await readText(response, what), what);
  };
  const write = async <T extends KubeObject>(method: string, path: string, kind: ResourceKind<T>, object: object, call: WriteOptions = {}): Promise<T> => {
    const body = { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
    return typed(await ask(method, path + writeQuery(call), call, body), kind, `${method} ${path}`);
  };

  return {
    server: options.server,
    async get(kind, ref, call) {
      const path = objectPath(kind, ref);
      try {
        return typed(await ask('GET', path, call), kind, `GET ${path}`);
      } catch (error) {
        if (error instanceof KubeError && error.code === 'NOT_FOUND') return undefined;
        throw error;
      }
    },
    async list(kind, call = {}) {
      const path = collectionPath(kind, call.namespace);
      const items = [];
      let next: string | undefined;
      for (;;) {
        const text = query({ ...selectQuery(call), limit: String(call.pageSize ?? 500), continue: next });
        const page = pageOf(await ask('GET', path + text, call), `GET ${path}`);
        for (const item of page.items) items.push(typed(item, kind, `GET ${path}`));
        if (page.next === undefined) return { items, resourceVersion: page.resourceVersion };
        next = page.next;
      }
    },
    create: (kind, object, call) => write('POST', collectionPath(kind, object.metadata.namespace), kind, object, call),
    update: (kind, object, call) => write('PUT', objectPath(kind, refOf(object)), kind, object, call),
    updateStatus: (kind, object, call) => write('PUT', objectPath(kind, refOf(object), 'status'), kind, object, call),
    async patch(kind, ref, patch, call = {}) {
      const path = objectPath(kind, ref, call.subresource);
      const body = patch.kind === 'json' ? patch.operations : patch.value;
      return typed(await ask('PATCH', path + writeQuery(call), call, body, PATCH_TYPES[patch.kind]), kind, `PATCH ${path}`);
    },
    async delete(kind, ref, call = {}) {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(call.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: call.gracePeriodSeconds }),
        ...(call.propagationPolicy === undefined ? {} : { propagationPolicy: call.propagationPolicy }),
        ...(call.uid === undefined ? {} : { preconditions: { uid: call.uid } }),
      };
      try {
        await ask('DELETE', objectPath(kind, ref), call, body);
        return true;
      } catch (error) {
        if (error instanceof KubeError && error.code === 'NOT_FOUND') return false;
        throw error;
      }
    },
    async *watch(kind, call = {}) {
      const path = collectionPath(kind, call.namespace);
      const text = query({
        ...selectQuery(call),
        watch: 'true',
        allowWatchBookmarks: call.bookmarks === false ? undefined : 'true',
        resourceVersion: call.resourceVersion,
        timeoutSeconds: call.timeoutSeconds === undefined ? undefined : String(call.timeoutSeconds),
      });
      const what = `WATCH ${path}`;
      const response = await send('GET', path + text, call);
      if (!succeeded(response)) throw await refusal(response, what);
      yield* watchEvents(response, { kind, what, idleMs: call.idleMs, clock });
    },
    async tokenRequest(serviceAccount, spec = {}, call) {
      const path = objectPath(serviceAccountKind, serviceAccount, 'token');
      const { boundPod, audiences, expirationSeconds } = spec;
      const answer = await ask('POST', path, call, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          ...(audiences ? { audiences } : {}),
          ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
          ...(boundPod ? { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...boundPod } } : {}),
        },
      });
      return statusOf<IssuedToken>(answer, `POST ${path}`);
    },
    async tokenReview(token, audiences, call) {
      const path = '/apis/authentication.k8s.io/v1/tokenreviews';
      const spec = { token, ...(audiences && audiences.length > 0 ? { audiences } : {}) };
      const answer = await ask('POST', path, call, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec });
      return statusOf<TokenReviewStatus>(answer, `POST ${path}`);
    },
    raw: (method, path, body, call) => ask(method, path, call, body),
    async podLog(pod, container, call) {
      const path = objectPath(podKind, pod, 'log') + query({ container });
      const response = await send('GET', path, call);
      if (!succeeded(response)) throw await refusal(response, `GET ${path}`);
      return readText(response, `GET ${path}`);
    },
    close: () => transport.close(),
  };
}

function succeeded(response: IncomingMessage): boolean {
  return response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300;
}

function refOf(object: { readonly metadata: { readonly namespace?: string; readonly name?: string } }): ObjectRef {
  const { namespace, name } = object.metadata;
  if (name === undefined || name === '') throw new TypeError('metadata.name is needed');
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

function query(values: Readonly<Record<string, string | undefined>>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== '') params.set(key, value);
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

function selectQuery(call: { readonly labelSelector?: string; readonly fieldSelector?: string }): Record<string, string | undefined> {
  return { labelSelector: call.labelSelector, fieldSelector: call.fieldSelector };
}

function writeQuery(call: WriteOptions): string {
  return query({ fieldManager: call.fieldManager ?? 'weft', dryRun: call.dryRun === true ? 'All' : undefined });
}

function pageOf(answer: unknown, what: string): { items: readonly unknown[]; resourceVersion: string; next: string | undefined } {
  const { items, metadata } = (answer ?? {}) as { items?: unknown; metadata?: { resourceVersion?: unknown; continue?: unknown } };
  // Go writes an empty list as null.
  if (items !== null && items !== undefined && !Array.isArray(items)) throw new KubeError('PROTOCOL', `${what}: the answer is not a list`);
  if (typeof metadata?.resourceVersion !== 'string') throw new KubeError('PROTOCOL', `${what}: the list has no resourceVersion`);
  const next = metadata.continue;
  return { items: items ?? [], resourceVersion: metadata.resourceVersion, next: typeof next === 'string' && next !== '' ? next : undefined };
}

function statusOf<S>(answer: unknown, what: string): S {
  const { status } = (answer ?? {}) as { status?: unknown };
  if (typeof status !== 'object' || status === null) throw new KubeError('PROTOCOL', `${what}: the answer has no status`);
  return status as S;
}
