// Connections to a control-plane service: resolve, connect, and prove who it is. spec/proxy.md §1.4, §3.1, §5.3.
import type { Socket } from 'node:net';
import { type Clock, formatSocketAddress, type Logger, type Random, ReasonError, randomInt, type SocketAddress } from '@weft/core';
import type { TlsClient } from '@weft/tls';
import type { Dialer, TcpOptions } from '../../ports.ts';
import type { ControlAddress } from '../config/rules.ts';
import type { Resolution, Resolver } from '../dns/resolver.ts';

export interface ControlDialerOptions {
  readonly address: ControlAddress;
  readonly resolver: Resolver;
  readonly dial: Dialer;
  /** Shows the own certificate once there is one; verifies the server by its anchors from the start. */
  readonly tls: TlsClient;
  readonly connectTimeoutMs: number;
  readonly tcp?: TcpOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Gives one connected stream: plaintext where the address is loopback, else mutual TLS with the service's name as SNI and identity. */
export function controlDialer(options: ControlDialerOptions): (signal: AbortSignal) => Promise<Socket> {
  const { address, resolver, dial, tls, connectTimeoutMs, clock, random, logger } = options;
  const { target, serverName } = address;
  let last: { readonly resolution: Resolution; readonly at: number } | undefined;

  /** Answers are used until their time is over; an old one still serves when DNS is away. */
  const addresses = async (signal: AbortSignal): Promise<readonly SocketAddress[]> => {
    if (last && clock.now() - last.at < last.resolution.ttlMs) return last.resolution.addresses;
    try {
      last = { resolution: await resolver.resolve(target.host, target.port, signal), at: clock.now() };
    } catch (error) {
      if (!last || signal.aborted) throw error;
      logger.log('warn', 'a control-plane name cannot be resolved; its last addresses are used', { host: target.host, error });
    }
    return last.resolution.addresses;
  };

  const open = async (to: SocketAddress, signal: AbortSignal): Promise<Socket> => {
    const socket = await dial(to, { timeoutMs: connectTimeoutMs, signal, tcp: options.tcp });
    // HTTP/2 has no half-closed connections: one that the server has ended must be seen to be over.
    socket.allowHalfOpen = false;
    if (serverName === undefined) return socket;
    const connected = await tls.connect(socket, { identity: { id: { kind: 'dns', name: serverName }, serverName } });
    connected.socket.allowHalfOpen = false;
    return connected.socket;
  };

  return async (signal) => {
    const known = await addresses(signal);
    const start = randomInt(random, known.length);
    const failures: string[] = [];
    let failure: unknown;
    for (let i = 0; i < known.length; i++) {
      const to = known[(start + i) % known.length];
      if (!to) continue;
      try {
        return await open(to, signal);
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
        failures.push(`${formatSocketAddress(to)}: ${error instanceof Error ? error.message : String(error)}`);
        const reason = error instanceof ReasonError ? error.reason.code : undefined;
        logger.log('debug', 'a control-plane service cannot be connected', { service: target.authority, address: formatSocketAddress(to), reason, error });
      }
    }
    // What was known may be out of date: ask again next time.
    last = undefined;
    throw new Error(failures.join('; '), { cause: failure });
  };
}
