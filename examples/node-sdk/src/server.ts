// The server: an ordinary node:http server, in the mesh. It never listens itself; what reaches it was authorized.
import { createServer } from 'node:http';
import type { SocketAddress } from '@weft/core';
import { type MeshServer, meshServer } from '@weft/proxy/sdk';
import type { Membership } from './join.ts';

export interface GreeterOptions {
  /** The port under which the Service knows the program. */
  readonly port: number;
  /** The pod's address. */
  readonly ip: string;
  /** Default: port 4143 and `port` on every interface. */
  readonly listen?: { readonly direct: SocketAddress; readonly application: SocketAddress };
}

export async function startGreeter({ identity, policy }: Pick<Membership, 'identity' | 'policy'>, options: GreeterOptions): Promise<MeshServer> {
  const server = createServer((request, response) => {
    response.end(`hello ${joined.clientId(request) ?? 'stranger'}, you asked for ${request.url}\n`);
  });
  const joined = meshServer(server, { identity, policy, ...options });
  await joined.ready;
  return joined;
}
