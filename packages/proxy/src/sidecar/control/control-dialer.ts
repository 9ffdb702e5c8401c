// Connections to a control-plane service: connect, and prove who it is. spec/proxy.md §1.4, §3.1, §5.3.
import type { Socket } from 'node:net';
import type { SocketAddress } from '@weft/core';
import type { TlsClient } from '@weft/tls';
import type { Dialer, TcpOptions } from '../../ports.ts';

export interface ControlDialerOptions {
  /** SNI and identity of the service. Absent: plaintext. */
  readonly serverName: string | undefined;
  readonly dial: Dialer;
  /** Shows the own certificate once there is one; verifies the server by its anchors from the start. */
  readonly tls: TlsClient;
  readonly connectTimeoutMs: number;
  readonly tcp?: TcpOptions | undefined;
}

/** Gives one connected stream: plaintext where the address is loopback, else mutual TLS with the service's name as SNI and identity. */
export function controlDialer(options: ControlDialerOptions): (to: SocketAddress, signal: AbortSignal) => Promise<Socket> {
  const { serverName, dial, tls, connectTimeoutMs, tcp } = options;
  return async (to, signal) => {
    const socket = await dial(to, { timeoutMs: connectTimeoutMs, signal, tcp });
    // HTTP/2 has no half-closed connections: one that the server has ended must be seen to be over.
    socket.allowHalfOpen = false;
    if (serverName === undefined) return socket;
    const connected = await tls.connect(socket, { identity: { id: { kind: 'dns', name: serverName }, serverName } });
    connected.socket.allowHalfOpen = false;
    return connected.socket;
  };
}
