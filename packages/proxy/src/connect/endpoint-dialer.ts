// Connects to an endpoint as its metadata demands: mutual TLS where it has an identity, never plaintext instead; the
// transport header where it has one. spec/proxy.md §2.2, §3.4, §3.5.
import type { Socket } from 'node:net';
import {
  type Authority,
  type Endpoint,
  formatSocketAddress,
  isLoopbackIp,
  parseAuthority,
  type Reason,
  ReasonError,
  reason,
  reasonOf,
  type SocketAddress,
} from '@weft/core';
import { encodeTransportHeader, type TlsClient, TRANSPORT_ALPN } from '@weft/tls';
import type { Dialer, TcpOptions } from '../ports.ts';

export interface EndpointDialerOptions {
  readonly dial: Dialer;
  readonly tls: TlsClient;
  readonly connectTimeoutMs: number;
  readonly tcp: TcpOptions | undefined;
  /** Addresses of this pod. */
  readonly localIps: readonly string[];
  readonly refuseLoopback: boolean;
}

/** What the connection will carry: an HTTP session, or opaque bytes. */
export type Session = 'http1' | 'http2' | 'opaque';

export interface EndpointDialer {
  /** Whether the endpoint is of this pod: plaintext, without hints. */
  isLocal(endpoint: Endpoint): boolean;
  /** Why the endpoint is never connected to. */
  refuses(endpoint: Endpoint): Reason | undefined;
  /** A plaintext or TLS socket, transport header sent. Rejects with a ReasonError that names the address. */
  dial(endpoint: Endpoint, session: Session, signal?: AbortSignal): Promise<Socket>;
}

export function endpointDialer(options: EndpointDialerOptions): EndpointDialer {
  const locals = new Set(options.localIps);
  const isLocal = (endpoint: Endpoint): boolean => locals.has(endpoint.address.ip);
  const refuses = ({ address }: Endpoint): Reason | undefined =>
    options.refuseLoopback && isLoopbackIp(address.ip) ? reason('CONNECT_LOOPBACK_REFUSED', formatSocketAddress(address)) : undefined;

  return {
    isLocal,
    refuses,
    async dial(endpoint, session, signal) {
      const refused = refuses(endpoint);
      if (refused) throw new ReasonError(refused);
      const identity = isLocal(endpoint) ? undefined : endpoint.identity;
      const header = identity && transportTarget(endpoint);
      const address: SocketAddress =
        identity && endpoint.opaqueTransportPort !== undefined ? { ip: endpoint.address.ip, port: endpoint.opaqueTransportPort } : endpoint.address;
      const raw = await options.dial(address, { timeoutMs: options.connectTimeoutMs, signal, tcp: options.tcp });
      if (!identity) return raw;
      try {
        const { socket, alpn } = await options.tls.connect(raw, { identity, alpn: header !== undefined, timeoutMs: options.connectTimeoutMs });
        if (header && alpn === TRANSPORT_ALPN) {
          const sessionProtocol = session === 'opaque' || endpoint.hint === 'opaque' ? undefined : session;
          await written(socket, encodeTransportHeader({ port: header.port, name: header.host, sessionProtocol }));
        }
        return socket;
      } catch (error) {
        throw new ReasonError(atAddress(reasonOf(error), address), { cause: error });
      }
    },
  };
}

/** node:http2 takes a write of ours that is still under way for its own and aborts the process: the socket is handed on when it is done. */
function written(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Port and name of the transport header; undefined where none is to be sent. */
function transportTarget(endpoint: Endpoint): { port: number; host?: string | undefined } | undefined {
  const override = overrideOf(endpoint);
  if (override?.port !== undefined) return { port: override.port, host: override.host };
  return endpoint.opaqueTransportPort === undefined ? undefined : { port: endpoint.address.port };
}

function overrideOf(endpoint: Endpoint): Authority | undefined {
  return endpoint.authorityOverride === undefined ? undefined : parseAuthority(endpoint.authorityOverride);
}

function atAddress(why: Reason, address: SocketAddress): Reason {
  const at = formatSocketAddress(address);
  return reason(why.code, why.detail === undefined ? at : `${at}: ${why.detail}`);
}
