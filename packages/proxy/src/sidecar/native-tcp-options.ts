// TCP options that Node does not offer: TCP_USER_TIMEOUT, and keep-alive whose probes follow the system's settings
// (Node's come every second, ten times). spec/proxy.md §1.1, §1.3: a failure only warns.
import type { Logger } from '@weft/core';
import { setKeepAlive } from '../connect/tcp-dialer.ts';
import type { SetTcpOptions, TcpOptions } from '../ports.ts';
import { descriptorOf, type SocketCalls, socketCalls, type Unavailable } from './socket-calls.ts';

/** asm-generic/socket.h and netinet/tcp.h. */
export const SOL_SOCKET = 1;
export const SO_KEEPALIVE = 9;
export const IPPROTO_TCP = 6;
export const TCP_KEEPIDLE = 4;
export const TCP_USER_TIMEOUT = 18;
/** Most seconds the kernel takes for TCP_KEEPIDLE. */
const MAX_KEEPIDLE = 32_767;
const MAX_INT = 0x7fffffff;

export interface NativeTcpOptions {
  readonly logger: Logger;
  /** Default: those of this platform. */
  readonly calls?: SocketCalls | Unavailable;
}

/** Falls back on what Node offers where calls are not available, and says once what is missing. */
export function nativeTcpOptions({ logger, calls = socketCalls() }: NativeTcpOptions): SetTcpOptions {
  const warned = new Set<string>();
  const warnOnce = (option: keyof TcpOptions, fields: Record<string, unknown>): void => {
    if (warned.has(option)) return;
    warned.add(option);
    logger.log('warn', 'a TCP option cannot be set; connections go on without it', { option, ...fields });
  };
  if ('unavailable' in calls) {
    return (socket, options) => {
      if (options.userTimeoutMs !== undefined) warnOnce('userTimeoutMs', { why: calls.unavailable });
      setKeepAlive(socket, options);
    };
  }
  const set = (option: keyof TcpOptions, fd: number, ...args: [level: number, name: number, value: number]): void => {
    if (!calls.setInt(fd, ...args)) warnOnce(option, { errno: calls.errno() });
  };
  return (socket, { keepAliveMs, userTimeoutMs }) => {
    const fd = descriptorOf(socket);
    if (fd === undefined) return;
    if (keepAliveMs !== undefined) {
      set('keepAliveMs', fd, IPPROTO_TCP, TCP_KEEPIDLE, Math.min(Math.max(Math.round(keepAliveMs / 1000), 1), MAX_KEEPIDLE));
      set('keepAliveMs', fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    }
    if (userTimeoutMs !== undefined) set('userTimeoutMs', fd, IPPROTO_TCP, TCP_USER_TIMEOUT, Math.min(userTimeoutMs, MAX_INT));
  };
}
