// The client: typed calls over the transport.
import type { Duplex } from 'node:stream';
import { type Clock, type MetricRegistry, type Random, systemClock, systemRandom } from '@weft/core';
import { serviceAccountKind } from '../resources/cluster.ts';
import type { KubeObject, ObjectRef } from '../resources/meta.ts';
import { podKind } from '../resources/pod.ts';
import { apiVersionOf, collectionPath, objectPath, type ResourceKind } from '../resources/resource-kind.ts';
import { clientMetrics } from './client-metrics.ts';
import { type CredentialSource, fixedCredentials } from './credentials.ts';
import type { DeleteCollectionOptions, DeleteOptions, IssuedToken, KubeClient, PatchBody, TokenReviewStatus, WriteOptions } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { listPages } from './list-pages.ts';
import { query } from './query.ts';
import { type RequestRate, requestRate } from './request-rate.ts';
import { createRequests } from './requests.ts';
import { readText } from './response-body.ts';
import { createTransport } from './transport.ts';
import { typed, watchEvents } from './watch-stream.ts';

export interface KubeClientOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly server: string;
  /** Bearer token; a function is asked before each request, so that a rotated token is picked up. */
  readonly token?: string | (() => string | Promise<string>);
  /** PEM of the authorities that the server's certificate must chain to; a function is asked for each request. */
  readonly ca?: string | (() => string);
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Takes the place of `token`, `cert` and `key`. */
  readonly credentials?: CredentialSource;
  readonly tlsServerName?: string;
  /** Default false. */
  readonly insecureSkipTlsVerify?: boolean;
  /** Opens the byte stream to the server instead of TCP: another namespace, a tunnel, a test. */
  readonly dial?: () => Promise<Duplex>;
  /** How long a connection may take to be made, in milliseconds. Default 10000. */
  readonly connectTimeoutMs?: number;
  /** How long the head of an answer may take, and how long its body may stall, in milliseconds. Default 30000. */
  readonly requestTimeoutMs?: number;
  /** Requests beyond it wait their turn. Default: no limit. */
  readonly rate?: RequestRate;
  /** Default `weft`. */
  readonly userAgent?: string;
  /** Gets `http_client_*`, and the metrics of stores on this client. Default: none. */
  readonly registry?: MetricRegistry;
  /** The label `client` of those metrics. Default `k8s`. */
  readonly name?: string;
  readonly clock?: Clock;
  /** Spreads retries. */
  readonly random?: Random;
}

const PATCH_TYPES: Readonly<Record<PatchBody['kind'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

export function kubeClient(options: KubeClientOptions): KubeClient {
  const { clock = systemClock(), random = systemRandom, requestTimeoutMs = 30_000, connectTimeoutMs = 10_000, rate, registry } = options;
  const transport = createTransport({ ...options, clock, requestTimeoutMs, connectTimeoutMs });
  const requests = createRequests({
    transport,
    credentials: options.credentials ?? fixedCredentials(options),
    admit: rate && requestRate(rate, clock),
    metrics: registry && clientMetrics(registry, options.name ?? 'k8s', rate),
    userAgent: options.userAgent ?? 'weft',
    requestTimeoutMs,
    clock,
    random,
  });
  const write = async <T extends KubeObject>(method: string, path: string, kind: ResourceKind<T>, object: object, call: WriteOptions = {}): Promise<T> => {
    const body = { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
    return typed(await requests.ask({ ...call, method, path: path + writeQuery(call), body }), kind, `${method} ${path}`);
  };

  return {
    server: options.server,
    registry,
    async get(kind, ref, call) {
      const path = objectPath(kind, ref);
      return unlessAbsent(undefined, async () =>
        typed(await requests.ask({ ...call, method: 'GET', path, ...(kind.metadataOnly ? { accept: METADATA } : {}) }), kind, `GET ${path}`),
      );
    },
    list: (kind, call = {}) => listPages(requests, kind, call),
    create: (kind, object, call) => write('POST', collectionPath(kind, object.metadata.namespace), kind, object, call),
    update: (kind, object, call) => write('PUT', objectPath(kind, refOf(object)), kind, object, call),
    updateStatus: (kind, object, call) => write('PUT', objectPath(kind, refOf(object), 'status'), kind, object, call),
    async patch(kind, ref, patch, call = {}) {
      const path = objectPath(kind, ref, call.subresource);
      const apply = patch.kind === 'apply' ? { apiVersion: apiVersionOf(kind), kind: kind.kind } : undefined;
      const body = patch.kind === 'json' ? patch.operations : apply && patch.kind === 'apply' ? { ...patch.value, ...apply } : patch.value;
      const text = writeQuery(call, patch.kind === 'apply' && patch.force === true);
      return typed(await requests.ask({ ...call, method: 'PATCH', path: path + text, body, contentType: PATCH_TYPES[patch.kind] }), kind, `PATCH ${path}`);
    },
    delete: (kind, ref, call = {}) =>
      unlessAbsent(false, async () => {
        await requests.ask({ ...call, method: 'DELETE', path: objectPath(kind, ref), body: deleteOptionsOf(call) });
        return true;
      }),
    async deleteCollection(kind, call) {
      const { namespace, labelSelector, fieldSelector } = call;
      const path = collectionPath(kind, namespace) + query({ labelSelector, fieldSelector });
      await requests.ask({ ...call, method: 'DELETE', path, body: deleteOptionsOf(call) });
    },
    async *watch(kind, call = {}) {
      const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, onGarbage } = call;
      const path = collectionPath(kind, namespace);
      const text = query({
        labelSelector,
        fieldSelector,
        watch: 'true',
        allowWatchBookmarks: call.bookmarks === false ? undefined : 'true',
        resourceVersion,
        timeoutSeconds: timeoutSeconds === undefined ? undefined : String(timeoutSeconds),
      });
      const response = await requests.open({ retries: 0, ...call, method: 'GET', path: path + text, ...(kind.metadataOnly ? { accept: METADATA } : {}) });
      call.onOpen?.();
      yield* watchEvents(response, { kind, what: `WATCH ${path}`, idleMs: call.idleMs, clock, onGarbage });
    },
    async tokenRequest(serviceAccount, spec = {}, call) {
      const path = objectPath(serviceAccountKind, serviceAccount, 'token');
      const { boundPod, audiences, expirationSeconds } = spec;
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          ...(audiences ? { audiences } : {}),
          ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
          ...(boundPod ? { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...boundPod } } : {}),
        },
      };
      return statusOf<IssuedToken>(await requests.ask({ ...call, method: 'POST', path, body }), `POST ${path}`);
    },
    async tokenReview(token, audiences, call) {
      const path = '/apis/authentication.k8s.io/v1/tokenreviews';
      const spec = { token, ...(audiences && audiences.length > 0 ? { audiences } : {}) };
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
      return statusOf<TokenReviewStatus>(await requests.ask({ ...call, method: 'POST', path, body }), `POST ${path}`);
    },
    raw: (method, path, body, call) => requests.ask({ ...call, method, path, body }),
    async podLog(pod, container, call) {
      const request = { ...call, method: 'GET', path: objectPath(podKind, pod, 'log') + query({ container }) };
      return readText(await requests.open(request), requests.readingOf(request));
    },
    close: () => transport.close(),
  };
}

/** What is not there is no failure of a reading or a deletion. */
async function unlessAbsent<T>(absent: T, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof KubeError && error.code === 'NOT_FOUND') return absent;
    throw error;
  }
}

function refOf(object: { readonly metadata: { readonly namespace?: string; readonly name?: string } }): ObjectRef {
  const { namespace, name } = object.metadata;
  if (name === undefined || name === '') throw new TypeError('metadata.name is needed');
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

function writeQuery(call: WriteOptions, force = false): string {
  return query({ fieldManager: call.fieldManager ?? 'weft', dryRun: call.dryRun === true ? 'All' : undefined, force: force ? 'true' : undefined });
}

function deleteOptionsOf(call: DeleteOptions | DeleteCollectionOptions): object {
  const { uid, resourceVersion } = { uid: undefined, resourceVersion: undefined, ...call };
  const preconditions = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(call.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: call.gracePeriodSeconds }),
    ...(call.propagationPolicy === undefined ? {} : { propagationPolicy: call.propagationPolicy }),
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    ...(call.dryRun === true ? { dryRun: ['All'] } : {}),
  };
}

function statusOf<S>(answer: unknown, what: string): S {
  const { status } = (answer ?? {}) as { status?: unknown };
  if (typeof status !== 'object' || status === null) throw new KubeError('PROTOCOL', `${what}: the answer has no status`);
  return status as S;
}
