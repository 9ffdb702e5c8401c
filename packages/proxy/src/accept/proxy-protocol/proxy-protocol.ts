// Original destination and client as the PROXY protocol's header tells them: for whoever forwards connections without
// redirecting them, such as a load balancer or an agent of the node.
import type { Socket } from 'node:net';
import { type Clock, formatSocketAddress, type IpNetwork, networkMatcher, ReasonError, reason, systemClock } from '@weft/core';
import type { OriginalDst } from '../../ports.ts';
import { remoteAddressOf } from '../original-dst.ts';
import { peek } from '../peek.ts';
import { type ProxyHeader, parseProxyHeader } from './header.ts';

export interface ProxyProtocolOptions {
  /** Who may send headers: what they say is believed. Default: loopback addresses only. */
  readonly trusted?: readonly IpNetwork[];
  /** For the whole header. Default 5000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

const LOOPBACK: readonly IpNetwork[] = [
  { ip: '127.0.0.0', prefix: 8 },
  { ip: '::1', prefix: 128 },
];

/** Every connection must begin with a header of version 1 or 2; one without is refused, and no other is harmed. */
export function proxyProtocol(options: ProxyProtocolOptions = {}): OriginalDst {
  const { trusted = LOOPBACK, timeoutMs = 5_000, clock = systemClock() } = options;
  const isTrusted = networkMatcher(trusted);
  const headers = new WeakMap<Socket, ProxyHeader>();
  const forwarded = (socket: Socket): Extract<ProxyHeader, { kind: 'forwarded' }> | undefined => {
    const header = headers.get(socket);
    return header?.kind === 'forwarded' ? header : undefined;
  };

  return {
    async prepare(socket) {
      const sender = remoteAddressOf(socket);
      if (!sender) throw new ReasonError(reason('DETECT_CLOSED'));
      const from = `from ${formatSocketAddress(sender)}`;
      if (!isTrusted(sender.ip)) throw new ReasonError(reason('PROXY_HEADER_UNTRUSTED', from));
      const seen = await peek(socket, { timeoutMs, clock, more: (bytes) => parseProxyHeader(bytes).kind === 'incomplete' });
      if (seen.kind === 'timeout') throw new ReasonError(reason('PROXY_HEADER_TIMEOUT', `${from}, within ${timeoutMs} ms`));
      if (seen.kind !== 'bytes') throw new ReasonError(reason('DETECT_CLOSED', seen.kind === 'closed' ? seen.error?.message : undefined));
      const parsed = parseProxyHeader(seen.bytes);
      if (parsed.kind !== 'complete') throw new ReasonError(reason('PROXY_HEADER_INVALID', parsed.kind === 'invalid' ? `${from}: ${parsed.detail}` : from));
      // What was looked at stands unread again: the header is taken away, the rest stays for the next reader.
      socket.read(parsed.length);
      headers.set(socket, parsed.header);
    },
    of: (socket) => forwarded(socket)?.destination,
    client: (socket) => forwarded(socket)?.source,
  };
}
