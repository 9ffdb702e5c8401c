// Putting the server together.
import { silentLogger, systemClock, systemRandom } from '@weft/core';
import { kubeClient } from '../client/client.ts';
import type { KubeClient } from '../client/kube-client.ts';
import { namespaceKind } from '../resources/cluster.ts';
import { serviceKind } from '../resources/service.ts';
import { webhookAdmission } from './admission/webhook-admission.ts';
import type { ApiServer, ApiServerOptions } from './api-server.ts';
import { definitionKind } from './custom/definition-kind.ts';
import { startDefinitionLifecycle } from './custom/definition-lifecycle.ts';
import { serviceAllocator } from './defaults/cluster-ip.ts';
import { discoveryDocuments } from './discovery/discovery-documents.ts';
import { openApiDocuments } from './discovery/openapi.ts';
import { servedResources } from './discovery/served-resources.ts';
import { createListener } from './http/listener.ts';
import { createRouter } from './http/router.ts';
import { clone, type JsonObject, stringAt } from './json/json.ts';
import type { KindDefinition } from './kinds/kind-definition.ts';
import { kindRegistry } from './kinds/kind-registry.ts';
import { startGarbageCollector } from './lifecycle/garbage-collector.ts';
import { startNamespaceLifecycle } from './lifecycle/namespace-lifecycle.ts';
import { builtinMessages } from './messages/messages.ts';
import type { ApiState } from './rest/api-state.ts';
import { reviewKinds } from './rest/reviews.ts';
import { updateObject } from './rest/update-object.ts';
import { createObject, type WriteContext } from './rest/write-object.ts';
import { inMemory } from './storage/durability.ts';
import { openJournal } from './storage/journal.ts';
import { keyOf } from './storage/object-key.ts';
import { createObjectStore } from './storage/object-store.ts';
import { ADMIN } from './tokens/authenticate.ts';
import { newSigningKey, tokenAuthority } from './tokens/token-authority.ts';

const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local';
const MAX_OBJECTS = 250_000;
const COMPACT_ABOVE_BYTES = 16 * 1024 * 1024;
/** Versions per millisecond of wall time between two lives of a server: more writes than that would be needed to overlap. */
const VERSIONS_PER_MS = 16;

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { clock = systemClock(), random = systemRandom, logger = silentLogger, issuer = DEFAULT_ISSUER } = options;
  const startVersion = Math.floor(clock.wall()) * VERSIONS_PER_MS;
  const journal =
    options.journal && (await openJournal({ compactAboveBytes: COMPACT_ABOVE_BYTES, ...options.journal, newKey: newSigningKey, startVersion, logger }));
  const store = createObjectStore({
    startVersion: journal?.restored.version ?? startVersion,
    durability: journal ?? inMemory,
    restored: journal?.restored.objects.values() ?? [],
    maxHistory: options.maxHistory ?? 4096,
    maxObjects: MAX_OBJECTS,
  });
  journal?.snapshotFrom(() => ({ version: store.version, entries: store.entries() }));
  const registry = kindRegistry();
  const state: ApiState = {
    store,
    registry,
    services: serviceAllocator({
      cidr: options.serviceCidr ?? '10.43.0.0/16',
      services: () =>
        store
          .collection(serviceKind)
          .list()
          .map(({ object }) => object),
    }),
    webhooks: webhookAdmission({ store, dialService: options.dialService, clock, logger }),
    tokens: tokenAuthority({ issuer, clock, ...(journal ? { key: journal.restored.head.key } : {}) }),
    apiAudiences: options.apiAudiences ?? [issuer],
    kubelet: options.kubelet ?? false,
    podLogs: options.podLogs,
    bookmarkMs: options.bookmarkMs ?? 60_000,
    maxWatchLagBytes: options.maxWatchLagBytes ?? 32 * 1024 * 1024,
    clock,
    random,
    logger,
  };
  // First, so that the others find every kind that a journal brought back.
  const stopDefinitions = startDefinitionLifecycle(state);
  const stopCollector = startGarbageCollector(state);
  const stopNamespaces = startNamespaceLifecycle(state, { rootCa: options.rootCa ?? '', emptyAfterMs: options.namespaceEmptyAfterMs ?? 1000 });
  await createNamespaces(state, ['default', 'kube-system', ...(options.namespaces ?? [])]);
  for (const definition of options.definitions ?? []) await define(state, clone(definition as unknown as JsonObject));

  const messages = builtinMessages();
  const served = once(
    () => registry.kinds,
    (kinds) => servedResources(kinds, reviewKinds),
  );
  const documents = { discovery: discoveryDocuments(served), openApi: openApiDocuments(served, messages), tokens: state.tokens };
  const listener = createListener(createRouter({ state, documents, messages, maxBodyBytes: options.maxBodyBytes ?? 3 * 1024 * 1024 }));
  const listen = options.listen ?? {};
  const host = listen === false ? '' : (listen.host ?? '127.0.0.1');
  const port = listen === false ? 0 : await listener.listen(host, listen.port ?? 0);
  const url = listen === false ? '' : `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const clients = new Set<KubeClient>();
  let closing: Promise<void> | undefined;

  return {
    url,
    port,
    attach: (server) => listener.attach(server),
    client() {
      const client = kubeClient(url === '' ? { server: 'http://localhost', dial: () => Promise.resolve(listener.connect()), clock } : { server: url, clock });
      clients.add(client);
      return client;
    },
    close() {
      closing ??= (async () => {
        stopDefinitions();
        stopCollector();
        stopNamespaces();
        for (const client of clients) client.close();
        await listener.close();
        await journal?.close();
      })();
      return closing;
    },
  };
}

/** Makes a value anew only when what it is made of is another. */
function once<K, V>(from: () => K, make: (key: K) => V): () => V {
  let last: { readonly key: K; readonly value: V } | undefined;
  return () => {
    const key = from();
    if (last?.key !== key) last = { key, value: make(key) };
    return last.value;
  };
}

async function createNamespaces(state: ApiState, names: readonly string[]): Promise<void> {
  const kind = state.registry.byPlural('', 'v1', namespaceKind.plural);
  if (!kind) return;
  for (const name of new Set(names)) {
    if (!state.store.collection(kind.resource).get(keyOf(undefined, name))) {
      await createObject(state, writing(kind), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  }
}

/** Of a definition that an earlier life left behind, what is wanted is brought up to date. */
async function define(state: ApiState, definition: JsonObject): Promise<void> {
  const name = stringAt(definition, 'metadata', 'name') ?? '';
  if (!state.store.collection(definitionKind.resource).get(keyOf(undefined, name))) {
    await createObject(state, writing(definitionKind), definition);
    return;
  }
  const { spec } = definition;
  await updateObject(state, writing(definitionKind), { name, subresource: undefined, change: (current) => ({ ...current, spec }) });
}

/** A write of the server itself. */
function writing(kind: KindDefinition): WriteContext {
  return { kind, namespace: undefined, user: ADMIN, dryRun: false, warn: () => undefined, manager: 'api-server', fieldValidation: 'Ignore' };
}
