// Recognises TLS on an accepted connection and terminates what is meant for this workload. spec/proxy.md §2.4 steps 4 and 5.
import type { Socket } from 'node:net';
import { type Clock, ReasonError, reason } from '@weft/core';
import { detectClientHello, type TlsServer } from '@weft/tls';
import { peek } from '../accept/peek.ts';
import type { ServerTls } from '../observe/labels.ts';

export interface TlsDetectOptions {
  /** SNI under which this workload is reached. */
  readonly serverName: string;
  readonly server: TlsServer;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface Terminated {
  /** What to read from here on: the socket itself, or the decrypted stream. */
  readonly stream: Socket;
  readonly tls: ServerTls;
  readonly alpn: string | undefined;
  /** The client had said nothing when its server spoke. */
  readonly serverFirst: boolean;
}

const PLAIN: Pick<Terminated, 'tls' | 'alpn'> = { tls: { kind: 'none', why: 'no_tls_from_remote' }, alpn: undefined };

/** `serverSpoke` ends the wait for a hello. Rejects with a ReasonError on a timeout, an early end and a failed handshake. */
export async function terminateTls(socket: Socket, options: TlsDetectOptions, serverSpoke?: AbortSignal): Promise<Terminated> {
  const { timeoutMs, clock } = options;
  const seen = await peek(socket, { timeoutMs, clock, signal: serverSpoke, more: (bytes) => detectClientHello(bytes) === 'incomplete' });
  if (seen.kind === 'interrupted') return { stream: socket, ...PLAIN, serverFirst: true };
  if (seen.kind === 'timeout') throw new ReasonError(reason('DETECT_TIMEOUT', `${timeoutMs} ms`));
  if (seen.kind === 'closed') throw new ReasonError(reason('DETECT_CLOSED', seen.error?.message));
  const hello = detectClientHello(seen.bytes);
  if (typeof hello === 'string') return { stream: socket, ...PLAIN, serverFirst: false };
  if (hello.sni !== options.serverName.toLowerCase()) {
    return { stream: socket, tls: { kind: 'passthrough', sni: hello.sni }, alpn: undefined, serverFirst: false };
  }
  const accepted = await options.server.accept(socket);
  return { stream: accepted.socket, tls: { kind: 'established', clientId: accepted.clientId }, alpn: accepted.alpn, serverFirst: false };
}
