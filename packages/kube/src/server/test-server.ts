// For the tests of this package: a server without a socket, namespaces furnished, closed by the test that opened it.
import { type KubeClient, serviceAccountKind } from '../index.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './index.ts';

export interface TestServer {
  readonly api: ApiServer;
  readonly client: KubeClient;
  close(): Promise<void>;
}

/** Ready when `default` has its service account, so that pods are admitted. */
export async function testServer(options: ApiServerOptions = {}): Promise<TestServer> {
  const api = await startApiServer({ listen: false, namespaceEmptyAfterMs: 0, ...options });
  const client = api.client();
  for await (const event of client.watch(serviceAccountKind, { namespace: 'default' })) if (event.type === 'ADDED') break;
  return { api, client, close: () => api.close() };
}
