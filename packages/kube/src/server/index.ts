// The embedded API server: Kubernetes' HTTP face over memory, for a laptop and for tests.
// kubectl, this package's client and the control plane speak to it as they do to a cluster.
// Example: const api = await startApiServer({}); const client = api.client(); await client.create(namespaceKind, { metadata: { name: 'a' } }); await api.close();
export type { ApiServer, ApiServerOptions, PodLogOptions, PodLogSource, ServiceTarget } from './api-server.ts';
export { decodeProtobuf, PROTOBUF_TYPE } from './messages/decode-protobuf.ts';
export { builtinMessages, type Messages } from './messages/messages.ts';
export { startApiServer } from './start-api-server.ts';
