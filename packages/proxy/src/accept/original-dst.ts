// Where an accepted connection was going. spec/proxy.md §1.1, §2.2.
import type { Socket } from 'node:net';
import { type SocketAddress, socketAddressOf } from '@weft/core';
import type { Listener } from '../config.ts';
import type { OriginalDst } from '../ports.ts';

/** The listener's fixed destination, else what the redirect recorded, else undefined. */
export function originalDstOf(socket: Socket, listener: Listener, port: OriginalDst): SocketAddress | undefined {
  return listener.originalDst ?? port.of(socket);
}

export function localAddressOf(socket: Socket): SocketAddress | undefined {
  return socketAddressOf(socket.localAddress, socket.localPort);
}

export function remoteAddressOf(socket: Socket): SocketAddress | undefined {
  return socketAddressOf(socket.remoteAddress, socket.remotePort);
}
