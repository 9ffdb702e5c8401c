// The server side of mesh TLS: terminates a connection and says who the client is. spec/proxy.md §3.1.
// Handshakes go through an unlistened tls.Server, the only path of Node that verifies client certificates, and it is told not
// to reject: whether a certificate was shown, and whether it was good, is decided here before a byte is read.
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls';
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
  const attempts: Attempts = new WeakMap();
  const live = liveFrom(options.credentials, (own) => createTerminator(own, alpn, attempts), logger);
  return {
    async accept(raw) {
      const server = live.current;
      if (!server) {
        raw.destroy();
        throw new ReasonError(reason('IDENTITY_NOT_READY', live.problem?.message), { cause: live.problem });
      }
      const attempt = beginAttempt<AcceptedTls>(raw, clock, handshakeTimeoutMs);
      attempts.set(raw, { attempt, allowHalfOpen: raw.allowHalfOpen });
      // A half-open socket would wait for the rest of a handshake that cannot come any more.
      raw.allowHalfOpen = false;
      if (raw.destroyed) attempt.fail(handshakeFailed('the connection was closed'));
      else server.emit('connection', raw);
      return attempt.outcome;
    },
    close: () => live.close(),
  };
}

interface Pending {
  readonly attempt: Attempt<AcceptedTls>;
  /** As the socket was given. */
  readonly allowHalfOpen: boolean;
}

type Attempts = WeakMap<Socket, Pending>;

function createTerminator(own: Credentials, alpn: string | undefined, attempts: Attempts): Server {
  const material = contextOptions({ anchors: own.anchors, own });
  const secureContext = createSecureContext(material);
  const server = createServer({
    ...material,
    // tls.Server leaves allowPartialTrustChain out of the context that it makes (Node 20 to 24); one made outside has it. A
    // client without server name gets the stricter context of the server.
    SNICallback: (_name, done) => done(null, secureContext),
    requestCert: true,
    rejectUnauthorized: false,
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
  });
  server.on('secureConnection', (socket) => {
    const pending = pendingOf(socket, attempts);
    const verdict = pending ? judge(socket) : handshakeFailed('nobody waits for it');
    if (pending && !(verdict instanceof ReasonError)) {
      socket.allowHalfOpen = pending.allowHalfOpen;
      pending.attempt.succeed(verdict);
      return;
    }
    socket.destroy();
    if (verdict instanceof ReasonError) pending?.attempt.fail(verdict);
  });
  server.on('tlsClientError', (error, socket) => {
    socket.destroy();
    pendingOf(socket, attempts)?.attempt.fail(handshakeFailed(error));
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
function pendingOf(socket: TLSSocket, attempts: Attempts): Pending | undefined {
  const { _parent: raw } = socket as TLSSocket & { readonly _parent?: Socket };
  const pending = raw && attempts.get(raw);
  if (raw) attempts.delete(raw);
  return pending;
}
