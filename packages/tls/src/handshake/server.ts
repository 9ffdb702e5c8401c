// The server side of mesh TLS: terminates a connection and says who the client is. spec/proxy.md §3.1.
// Handshakes go through an unlistened tls.Server, the only path of Node that verifies client certificates, and it is told not
// to reject: whether a certificate was shown, and whether it was good, is decided here before a byte is read.
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type Clock, type Credentials, type IdentityId, type Logger, ReasonError, reason, silentLogger, systemClock, type Watch } from '@weft/core';
import { peerIdentity } from '../identity/peer-identity.ts';
import { contextOptions } from './context-options.ts';
import { type Attempt, beginAttempt, handshakeFailed, untrusted } from './failure.ts';
import { liveFrom } from './live.ts';

export interface TlsServerOptions {
  readonly credentials: Watch<Credentials>;
  /**
   * Protocol to negotiate with clients that offer it. Only for direct connections: with it, a client that offers others alone
   * is refused; without it nothing is negotiated. Default: none.
   */
  readonly alpn?: string | undefined;
  /** Time for one handshake, in milliseconds. Default 10 000. */
  readonly handshakeTimeoutMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface AcceptedTls {
  readonly socket: TLSSocket;
  /** Absent when the client showed no certificate, or one without an identity. */
  readonly clientId: IdentityId | undefined;
  /** The negotiated protocol. */
  readonly alpn: string | undefined;
}

export interface TlsServer {
  /**
   * Terminates TLS on a connected socket; peeked bytes must have been unshifted. Half-close works when the socket allows it.
   * On failure the socket is destroyed and a ReasonError (IDENTITY_NOT_READY, TLS_*) thrown. Destroying the socket cancels.
   */
  accept(socket: Socket): Promise<AcceptedTls>;
  /** Stops following the credentials. Open connections live on. */
  close(): void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

export function tlsServer(options: TlsServerOptions): TlsServer {
  const { clock = systemClock(), logger = silentLogger, alpn, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const attempts = new WeakMap<Socket, Attempt<AcceptedTls>>();
  const live = liveFrom(options.credentials, (own) => createTerminator(own, alpn, attempts), logger);
  return {
    async accept(raw) {
      const server = live.current;
      if (!server) {
        raw.destroy();
        throw new ReasonError(reason('IDENTITY_NOT_READY'));
      }
      const attempt = beginAttempt<AcceptedTls>(raw, clock, handshakeTimeoutMs);
      attempts.set(raw, attempt);
      if (raw.destroyed) attempt.fail(handshakeFailed('the connection was closed'));
      else server.emit('connection', raw);
      return attempt.outcome;
    },
    close: () => live.close(),
  };
}

function createTerminator(own: Credentials, alpn: string | undefined, attempts: WeakMap<Socket, Attempt<AcceptedTls>>): Server {
  const server = createServer({
    ...contextOptions({ anchors: own.anchors, own }),
    requestCert: true,
    rejectUnauthorized: false,
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
  });
  server.on('secureConnection', (socket) => {
    const attempt = attemptOf(socket, attempts);
    if (!attempt) return void socket.destroy();
    const verdict = judge(socket);
    if (!(verdict instanceof ReasonError)) return attempt.succeed(verdict);
    socket.destroy();
    attempt.fail(verdict);
  });
  server.on('tlsClientError', (error, socket) => {
    socket.destroy();
    attemptOf(socket, attempts)?.fail(handshakeFailed(error));
  });
  return server;
}

/** A certificate that is present must be good. An absent one cannot be told by its verification code: ask for its presence. */
function judge(socket: TLSSocket): AcceptedTls | ReasonError {
  const certificate = socket.getPeerX509Certificate();
  if (socket.isSessionReused()) return handshakeFailed('the client resumed a session');
  if (certificate !== undefined && !socket.authorized) return untrusted(String(socket.authorizationError));
  // An error after the handshake belongs to whoever holds the socket; it must not be thrown in the turn before.
  socket.on('error', () => undefined);
  return {
    socket,
    clientId: certificate === undefined ? undefined : peerIdentity(certificate.raw),
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
  };
}

/** tls.Server does not say for which socket it speaks except by this field, unchanged from Node 20 to 24 (contract suite). */
function attemptOf(socket: TLSSocket, attempts: WeakMap<Socket, Attempt<AcceptedTls>>): Attempt<AcceptedTls> | undefined {
  const { _parent: raw } = socket as TLSSocket & { readonly _parent?: Socket };
  return raw && attempts.get(raw);
}
