// From a dialed byte stream to an HTTP/2 session whose peer has answered with its settings.
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Duplex } from 'node:stream';

/** Gives a connected byte stream; with TLS the handshake is done. */
export type Dial = (signal: AbortSignal) => Promise<Duplex>;

const STREAM_WINDOW = 1024 * 1024;
const CONNECTION_WINDOW = 8 * 1024 * 1024;
/** In megabytes; Node's 10 would refuse streams that flow control already bounds. */
const SESSION_MEMORY_MB = 1000;

/** Connects and waits for the peer's SETTINGS: a peer that does not speak HTTP/2 is no connection. */
export async function openSession(dial: Dial, signal: AbortSignal): Promise<ClientHttp2Session> {
  const socket = await dialed(dial, signal);
  if (signal.aborted || socket.destroyed) {
    socket.destroy();
    throw reasonOf(signal) ?? new Error('the connection was closed at once');
  }
  // The origin is not used: every request names its authority. The scheme keeps Node from asking for ALPN.
  const session = connectHttp2('http://unused.invalid', {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY_MB,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
  });
  return new Promise((resolve, reject) => {
    let failure: unknown;
    // Stays for the life of the session: without a listener an error would be uncaught. Calls see it through their streams.
    session.on('error', (error) => {
      failure ??= error;
    });
    const onAbort = (): void => session.destroy();
    const onClose = (): void => {
      signal.removeEventListener('abort', onAbort);
      reject(reasonOf(signal) ?? failure ?? new Error('the connection was closed before HTTP/2 settings arrived'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    session.once('close', onClose);
    session.once('remoteSettings', () => {
      signal.removeEventListener('abort', onAbort);
      session.off('close', onClose);
      session.setLocalWindowSize(CONNECTION_WINDOW);
      resolve(session);
    });
  });
}

/** The dialed socket; one that comes after the abort is destroyed. */
function dialed(dial: Dial, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal) ?? new Error('aborted'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => signal.removeEventListener('abort', onAbort);
    void dial(signal).then(
      (socket) => {
        settle();
        if (signal.aborted) socket.destroy();
        resolve(socket);
      },
      (error: unknown) => {
        settle();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
    return undefined;
  });
}

function reasonOf(signal: AbortSignal): Error | undefined {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  return reason instanceof Error ? reason : undefined;
}
