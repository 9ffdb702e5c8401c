// A client and a server workload with a Service between them, and small clients to drive it.
import { type Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Clock, Endpoint } from '@weft/core';
import type { ProxySettings } from '@weft/proxy';
import { balanced, detectPolicy } from './policies.ts';
import type { TestMesh, Workload } from './test-mesh.ts';

export const SERVICE = '10.43.0.7:80';
export const NAME = 'server.ns.svc.cluster.local:80';

export interface PairOptions {
  readonly endpoint?: Partial<Endpoint>;
  readonly client?: ProxySettings;
  readonly server?: ProxySettings;
  /** Of the client. */
  readonly clock?: Clock;
  readonly serverClock?: Clock;
}

export interface Pair {
  readonly client: Workload;
  readonly server: Workload;
  /** Where the client's application connects to reach the Service. */
  readonly port: number;
}

/** `appPort`: where the server's application really listens; its virtual port is 8080. */
export async function startPair(mesh: TestMesh, appPort: number, options: PairOptions = {}): Promise<Pair> {
  const server = await mesh.workload('server', {
    ip: '10.42.0.5',
    ports: { 8080: appPort },
    ...(options.server ? { settings: options.server } : {}),
    ...(options.serverClock ? { clock: options.serverClock } : {}),
  });
  const client = await mesh.workload('client', {
    ip: '10.42.0.4',
    connectsTo: [`${SERVICE}=${NAME}`],
    ...(options.client ? { settings: options.client } : {}),
    ...(options.clock ? { clock: options.clock } : {}),
  });
  mesh.control.outboundOf(SERVICE).set(detectPolicy(balanced(NAME)));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080, options.endpoint)]);
  return { client, server, port: client.outboundPort(SERVICE) };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly version: string;
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

export async function ask(port: number, options: Ask = {}): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const { body, ...rest } = options;
    request({ host: '127.0.0.1', port, agent: false, ...rest }, resolve)
      .on('error', reject)
      .end(body);
  });
  return { status: response.statusCode ?? 0, headers: response.headers, version: response.httpVersion, body: await text(response) };
}

export function tcp(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Everything until the peer ends; what node:stream offers for it destroys a socket that is still to be written to. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('cut off')));
  });
}

/** Resolves with the first bytes. */
export function firstBytes(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without a byte')));
  });
}

/** Polls a condition that other sockets bring about; fails after three seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 3_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('the condition did not come about');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
