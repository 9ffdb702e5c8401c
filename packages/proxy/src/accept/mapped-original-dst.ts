// Original destinations from a fixed table: for listeners whose connections all go to one place.
import type { SocketAddress } from '@weft/core';
import type { OriginalDst } from '../ports.ts';
import { localAddressOf } from './original-dst.ts';

export interface MappedDestination {
  /** The local end of accepted connections; without `ip`: of any address. */
  readonly local: { readonly ip?: string | undefined; readonly port: number };
  readonly destination: SocketAddress;
}

/** An entry with address and port wins over one with the port alone. Connections elsewhere were not redirected. */
export function mappedOriginalDst(entries: readonly MappedDestination[]): OriginalDst {
  const byLocal = new Map(entries.map(({ local, destination }) => [keyOf(local.ip, local.port), destination]));
  return {
    of(socket) {
      const local = localAddressOf(socket);
      return local && (byLocal.get(keyOf(local.ip, local.port)) ?? byLocal.get(keyOf(undefined, local.port)));
    },
  };
}

function keyOf(ip: string | undefined, port: number): string {
  return `${ip ?? '*'} ${port}`;
}
