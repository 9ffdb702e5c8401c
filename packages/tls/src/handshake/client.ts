// The client side of mesh TLS: verifies that the server is the expected workload. spec/proxy.md §3.1.
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Clock, formatIdentityId, type IdentityPort, type Logger, ReasonError, reason, type ServerIdentity, silentLogger, systemClock } from '@weft/core';
import { TRANSPORT_ALPN } from '../header/transport-header.ts';
import { carriesIdentity } from '../identity/peer-identity.ts';
import { subjectAltNames } from '../identity/subject-alt-names.ts';
import { contextOptions } from './context-options.ts';
import { beginAttempt, handshakeFailed, untrusted } from './failure.ts';
import { liveFrom } from './live.ts';

export interface TlsClientOptions {
  /** Anchors verify servers; the own certificate is shown as soon as there is one, and connections are made without it before. */
  readonly identity: Pick<IdentityPort, 'anchors' | 'credentials'>;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface TlsConnectOptions {
  /** Whom the server must prove to be. */
  readonly identity: ServerIdentity;
  /** Offer `transport.l5d.io/v1`. Default false. */
  readonly alpn?: boolean;
  /** Time for the handshake, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
}

export interface ConnectedTls {
  readonly socket: TLSSocket;
  /** The protocol that was really negotiated; a transport header is only written when it was. */
  readonly alpn: string | undefined;
}

export interface TlsClient {
  /**
   * Handshakes over a connected socket (half-close works when the socket allows it). On failure the socket is destroyed and
   * a ReasonError (TLS_*) thrown. Destroying the socket cancels.
   */
  connect(socket: Socket, options: TlsConnectOptions): Promise<ConnectedTls>;
  /** Stops following the credentials. Open connections live on. */
  close(): void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

export function tlsClient(options: TlsClientOptions): TlsClient {
  const { identity, clock = systemClock(), logger = silentLogger } = options;
  const live = liveFrom(identity.credentials, (own) => createSecureContext(contextOptions({ anchors: own.anchors, own })), logger);
  let anonymous: SecureContext | undefined;
  return {
    async connect(raw, { identity: expected, alpn = false, timeoutMs = HANDSHAKE_TIMEOUT_MS }) {
      const attempt = beginAttempt<ConnectedTls>(raw, clock, timeoutMs);
      if (raw.destroyed) attempt.fail(handshakeFailed('the connection was closed'));
      else {
        try {
          anonymous ??= createSecureContext(contextOptions({ anchors: identity.anchors }));
          handshake(raw, live.current ?? anonymous, expected, alpn, attempt);
        } catch (error) {
          attempt.fail(handshakeFailed(error));
        }
      }
      return attempt.outcome;
    },
    close: () => live.close(),
  };
}

function handshake(
  raw: Socket,
  secureContext: SecureContext,
  expected: ServerIdentity,
  alpn: boolean,
  attempt: ReturnType<typeof beginAttempt<ConnectedTls>>,
): void {
  const socket = tlsConnect({
    socket: raw,
    secureContext,
    servername: expected.serverName,
    rejectUnauthorized: true,
    // Called once the chain has been verified; takes the place of Node's own name check.
    checkServerIdentity: (_host, certificate) => nameMismatch(certificate.raw, expected),
    ...(alpn ? { ALPNProtocols: [TRANSPORT_ALPN] } : {}),
  });
  socket.once('secureConnect', () => {
    // Node skips checkServerIdentity on resumption; none is ever attempted.
    if (!socket.authorized || socket.isSessionReused()) {
      socket.destroy();
      attempt.fail(handshakeFailed('the session was not verified'));
    } else attempt.succeed({ socket, alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined });
  });
  // Stays on: an error after the handshake belongs to whoever holds the socket; it must not be thrown in the turn before.
  socket.on('error', (error) => attempt.fail(failureOf(error, socket)));
  socket.once('close', () => attempt.fail(handshakeFailed('the connection was closed')));
}

/** Node sets `authorizationError` exactly when the certificate is what failed. */
function failureOf(error: Error, socket: TLSSocket): ReasonError {
  const unverified: unknown = socket.authorizationError;
  return error instanceof ReasonError || unverified === null || unverified === undefined ? handshakeFailed(error) : untrusted(codeOf(error));
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function nameMismatch(certificate: Uint8Array, expected: ServerIdentity): ReasonError | undefined {
  if (carriesIdentity(certificate, expected.id)) return undefined;
  const names = subjectAltNames(certificate).map((name) => JSON.stringify(name.value));
  return new ReasonError(reason('TLS_PEER_NAME_MISMATCH', `expected ${formatIdentityId(expected.id)}, found ${names.join(', ') || 'none'}`));
}
