// Where the load goes: the proxy itself, or a front that puts mesh TLS around what the generator sends.
import type { MeshIdentity } from '../mesh-identity.ts';
import { startOwn } from '../processes/child.ts';

export interface Door {
  readonly port: number;
  close(): Promise<void>;
}

export async function door(port: number, tls: boolean, { anchors, client, server }: MeshIdentity): Promise<Door> {
  if (!tls) return { port, close: async () => undefined };
  return startOwn('tls-front', port, anchors, client.certificate, client.key, server.name);
}
