// Where the load goes: the proxy itself, or a front that puts mesh TLS around what the generator sends.
import type { MeshIdentity } from '../mesh-identity.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { startOwn } from '../processes/child.ts';

export interface Door {
  readonly port: number;
  close(): Promise<void>;
}

export async function door({ port, host = '127.0.0.1' }: RunningPeer, tls: boolean, { anchors, client, server }: MeshIdentity): Promise<Door> {
  if (!tls) return { port, close: async () => undefined };
  return startOwn('tls-front', host, port, anchors, client.certificate, client.key, server.name);
}
