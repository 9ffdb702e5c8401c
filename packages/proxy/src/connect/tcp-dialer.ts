// Opens TCP connections: the default `dial` port. spec/proxy.md §1.1 (socket options).
import { connect, type Socket } from 'node:net';
import { type Clock, formatSocketAddress, type Reason, ReasonError, reason, type SocketAddress, systemClock } from '@weft/core';
import type { Dialer, SetTcpOptions } from '../ports.ts';

export interface TcpDialerOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: `setKeepAlive`. */
  readonly setTcpOptions?: SetTcpOptions;
}

/** What Node offers: keep-alive, with probes every second. */
export const setKeepAlive: SetTcpOptions = (socket, { keepAliveMs }) => {
  if (keepAliveMs !== undefined) socket.setKeepAlive(true, keepAliveMs);
};

/** It keeps nothing: a listener that is made for a socket would keep all that was needed to open it. */
const ignore = (): void => undefined;

/** Sockets keep half-open ends and send without delay. */
export function tcpDialer(options: TcpDialerOptions = {}): Dialer {
  const { clock = systemClock(), setTcpOptions = setKeepAlive } = options;
  return (address, { timeoutMs, signal, tcp, localAddress }) =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({
        host: address.ip,
        port: address.port,
        allowHalfOpen: true,
        noDelay: true,
        autoSelectFamily: false,
        ...(localAddress !== undefined && { localAddress }),
      });
      let late: NodeJS.Immediate | undefined;
      const settle = (): void => {
        timer.cancel();
        clearImmediate(late);
        signal?.removeEventListener('abort', onAbort);
        socket.off('connect', onConnect);
        socket.off('error', onError);
      };
      const fail = (why: Reason, cause?: unknown): void => {
        settle();
        socket.on('error', ignore);
        socket.destroy();
        reject(new ReasonError(why, { cause }));
      };
      const onConnect = (): void => {
        settle();
        // Whoever takes the socket adds its own listener; until then an error must not be thrown.
        socket.on('error', ignore);
        if (tcp) setTcpOptions(socket, tcp);
        resolve(socket);
      };
      const onError = (error: NodeJS.ErrnoException): void => fail(connectReason(address, error.code ?? error.message), error);
      const onAbort = (): void => fail(reason('CONNECT_FAILED', `${formatSocketAddress(address)}: no longer wanted`), signal?.reason);
      const giveUp = (): void => fail(reason('CONNECT_TIMEOUT', `${formatSocketAddress(address)} after ${timeoutMs} ms`));
      // Timers come before what else is due in their turn: a connection that was made while this thread was busy counts.
      const timer = clock.after(timeoutMs, () => {
        late = setImmediate(giveUp);
      });
      socket.once('connect', onConnect);
      socket.once('error', onError);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted) onAbort();
    });
}

function connectReason(address: SocketAddress, code: string): Reason {
  const at = formatSocketAddress(address);
  if (code === 'ECONNREFUSED') return reason('CONNECT_REFUSED', at);
  if (code === 'ETIMEDOUT') return reason('CONNECT_TIMEOUT', at);
  return reason('CONNECT_FAILED', `${at}: ${code}`);
}
