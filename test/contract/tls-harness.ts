// Loopback connections, honest and attacking peers for the contract of @weft/tls.

import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect, createServer as tlsCreateServer } from 'node:tls';
import { type Credentials, type ReasonCode, ReasonError } from '@weft/core';

/** The two ends of one TCP connection. */
export interface Pair extends AsyncDisposable {
  readonly client: Socket;
  readonly server: Socket;
}

export async function tcpPair(): Promise<Pair> {
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  const accepted = once(listener, 'connection');
  const client = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
  const [[server]] = (await Promise.all([accepted, once(client, 'connect')])) as unknown as [[Socket]];
  for (const end of [client, server]) end.on('error', () => undefined);
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** The reason of a refusal; fails when there was none. */
export async function refusal(promise: Promise<unknown>): Promise<ReasonCode> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ReasonError) return error.reason.code;
    throw error;
  }
  throw new Error('it was not refused');
}

/** A peer built on Node alone, with nothing of ours to hold it back; it checks nothing and sends `payload` as soon as it can. */
export interface Attacker {
  readonly socket: TLSSocket;
  /** Resolves when the connection is over, with everything that was decrypted on it. */
  readonly received: Promise<string>;
}

export function attackServer(socket: Socket, credentials: Credentials | undefined, options: ConnectionOptions = {}): Attacker {
  const attacker = tlsConnect({ socket, rejectUnauthorized: false, ...(credentials && keyAndCert(credentials)), ...options });
  attacker.on('secureConnect', () => attacker.write('attack'));
  return { socket: attacker, received: collect(attacker) };
}

/** An impostor on the server side of a connection. */
export function attackClient(socket: Socket, credentials: Credentials, options: Parameters<typeof tlsCreateServer>[0] = {}): Promise<string> {
  return new Promise((resolve) => {
    const impostor = tlsCreateServer({ ...keyAndCert(credentials), ...options });
    impostor.on('secureConnection', (peer) => {
      peer.write('attack');
      void collect(peer).then(resolve);
    });
    impostor.on('tlsClientError', () => resolve(''));
    socket.allowHalfOpen = false;
    impostor.emit('connection', socket);
  });
}

function collect(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve(text));
  });
}

export function keyAndCert(credentials: Credentials): { readonly key: string; readonly cert: string } {
  const key = createPrivateKey({ key: Buffer.from(credentials.key), format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  return { key: key.toString(), cert: credentials.chain.map(toPem).join('\n') };
}

export function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}

/** The next bytes on a socket, as text. */
export async function readText(socket: Socket): Promise<string> {
  for (;;) {
    const chunk: unknown = socket.read();
    if (chunk instanceof Buffer) return chunk.toString('latin1');
    await once(socket, 'readable');
  }
}
