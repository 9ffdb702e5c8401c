// A peer that speaks mesh TLS by itself: what a test needs to talk to an inbound listener as another proxy would.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { constantWatch, parseIdentityId, parseSocketAddress } from '@weft/core';
import { createKeyAndRequest } from '@weft/identity/authority';
import { type ConnectedTls, tlsClient } from '@weft/tls';
import type { ControlPlane } from './control-plane.ts';
import { redirecting } from './interception.ts';
import type { ProxyProcess } from './proxy-process.ts';

export interface MeshedPeer extends Disposable {
  readonly identity: string;
  /** Handshakes with the proxy of this workload, at a virtual port of it. */
  connect(proxy: Pick<ProxyProcess, 'identity' | 'inboundAddress'>, port: number, options?: PeerOptions): Promise<ConnectedTls>;
}

export interface PeerOptions {
  readonly alpn?: boolean;
  /** Virtual address to come from, as in `tcpTo`. */
  readonly from?: string | undefined;
}

/** `name`: of a service account, or a whole `spiffe://` identity. */
export async function meshedPeer(control: ControlPlane, name: string): Promise<MeshedPeer> {
  const identity = name.startsWith('spiffe://') ? name : `${name}.ns.serviceaccount.identity.linkerd.cluster.local`;
  const { key, request } = await createKeyAndRequest(identity);
  const { leaf, intermediates, expiresAt } = await control.authority.issue(request, identity);
  const { anchors } = control.authority;
  const credentials = constantWatch({ identity, serverName: identity, key, chain: [leaf, ...intermediates], anchors, expiresAt });
  const tls = tlsClient({ identity: { anchors, credentials } });
  const sockets: Socket[] = [];
  return {
    identity,
    async connect(proxy, port, { alpn = false, from } = {}) {
      const raw = await tcpTo(proxy.inboundAddress(port), from);
      sockets.push(raw);
      const id = parseIdentityId(proxy.identity);
      if (!id) throw new TypeError('not an identity');
      return tls.connect(raw, { identity: { id, serverName: proxy.identity }, alpn });
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      tls.close();
    },
  };
}

/** Mesh TLS from a client that shows no certificate. */
export async function anonymousPeer(proxy: Pick<ProxyProcess, 'identity' | 'inboundAddress'>, port: number, from?: string): Promise<Socket> {
  const raw = await tcpTo(proxy.inboundAddress(port), from);
  const socket = connectTls({ socket: raw, servername: proxy.identity, minVersion: 'TLSv1.3', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

/**
 * A plain connection to `ip:port`. `from`: a virtual address, `10.1.2.3`, that the proxy takes it to come from; behind an address book that is
 * 127.1.2.3.
 */
export function tcpTo(address: string, from?: string): Promise<Socket> {
  const { ip, port } = parseSocketAddress(address) ?? { ip: '', port: 0 };
  return new Promise((resolve, reject) => {
    const localAddress = from === undefined || redirecting() ? from : from.replace(/^10\./, '127.');
    const socket = connect({ host: ip, port, localAddress, allowHalfOpen: true }, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => undefined);
  });
}

/** The first bytes, as text. */
export function firstBytes(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('closed without a byte'));
    socket.once('close', onClose);
    socket.once('data', (chunk: Buffer) => {
      socket.off('close', onClose);
      resolve(chunk.toString('latin1'));
    });
  });
}

/** Everything until the connection is over, however it ends. */
export function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let bytes = '';
    socket.on('data', (chunk: Buffer) => (bytes += chunk.toString('latin1')));
    socket.once('end', () => socket.destroy());
    socket.once('close', () => resolve(bytes));
  });
}
