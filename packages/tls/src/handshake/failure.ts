// Why a handshake failed, as a reason.
import type { Socket } from 'node:net';
import { type Clock, ReasonError, reason } from '@weft/core';

/** A certificate that did not verify. The code is OpenSSL's: X509_V_ERR_ without the prefix. */
export function untrusted(code: string): ReasonError {
  return new ReasonError(code === 'CERT_HAS_EXPIRED' ? reason('TLS_PEER_EXPIRED') : reason('TLS_PEER_UNTRUSTED', code));
}

export function handshakeFailed(cause: unknown): ReasonError {
  if (cause instanceof ReasonError) return cause;
  const detail = cause instanceof Error ? ('code' in cause && typeof cause.code === 'string' ? cause.code : cause.message) : String(cause);
  return new ReasonError(reason('TLS_HANDSHAKE_FAILED', detail), { cause });
}

function ignore(): void {
  // An error after the handshake shows as the end of the TLS socket.
}

/** One handshake under way: the first outcome counts; time and the end of the transport are outcomes too. */
export interface Attempt<T> {
  readonly outcome: Promise<T>;
  succeed(value: T): void;
  /** Destroys the transport. */
  fail(error: ReasonError): void;
}

export function beginAttempt<T>(raw: Socket, clock: Clock, timeoutMs: number): Attempt<T> {
  let settle: { resolve(value: T): void; reject(error: Error): void } | undefined;
  const outcome = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const take = (): typeof settle => {
    const taken = settle;
    if (!taken) return undefined;
    settle = undefined;
    timer.cancel();
    raw.removeListener('close', onClose);
    // The connection may live for long, and keeps what listens to it.
    raw.removeListener('error', onError);
    raw.on('error', ignore);
    return taken;
  };
  const fail = (error: ReasonError): void => {
    const taken = take();
    if (!taken) return;
    raw.destroy();
    taken.reject(error);
  };
  const onClose = (): void => fail(handshakeFailed('the connection was closed'));
  // Timers come before the reads of their turn: what has arrived while this thread was busy is read first.
  const timer = clock.after(timeoutMs, () => setImmediate(() => fail(new ReasonError(reason('TLS_HANDSHAKE_TIMEOUT', `${timeoutMs} ms`)))));
  raw.once('close', onClose);
  // The TLS socket reports what went wrong; this only keeps an error of the transport from being thrown.
  const onError = (error: Error): void => fail(handshakeFailed(error));
  raw.on('error', onError);
  return { outcome, succeed: (value) => take()?.resolve(value), fail };
}
