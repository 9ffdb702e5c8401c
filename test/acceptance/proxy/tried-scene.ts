// A client whose route has timeouts or retries, and applications that answer as a script says. Time is turned by hand.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import {
  type ClientProtocol,
  defaultMetadata,
  type Endpoint,
  type GrpcRetryConditions,
  type HttpProtocol,
  type HttpRetryConditions,
  type ManualClock,
  manualClock,
  type Profile,
  type Retry,
  type Timeouts,
} from '@weft/core';
import type { HttpEngine } from '@weft/http';
import { NAME, SERVICE } from './pair.ts';
import { balanced, clientPolicy, detectPolicy, firstOf } from './policies.ts';
import { TestMesh, type Workload } from './test-mesh.ts';

export interface RuleOptions {
  readonly timeouts?: Timeouts;
  readonly http?: Retry<HttpRetryConditions>;
  readonly grpc?: Retry<GrpcRetryConditions>;
  readonly allowL5dHeaders?: boolean;
  /** In place of a policy. */
  readonly profile?: Pick<Profile, 'routes' | 'retryBudget'>;
  readonly version?: 'http1' | 'http2';
  readonly failfastMs?: number;
  readonly engine?: HttpEngine;
}

export interface Scene extends AsyncDisposable {
  readonly mesh: TestMesh;
  readonly clock: ManualClock;
  readonly client: Workload;
  /** Where the client's application connects. */
  readonly port: number;
  /** The endpoint of a real port; it is given an address of its own. */
  endpoint(port: number): Endpoint;
}

export const retry503 = (more: Partial<Retry<HttpRetryConditions>> = {}): Retry<HttpRetryConditions> => ({
  maxRetries: 2,
  maxRequestBytes: 1_000,
  conditions: { statusRanges: [{ start: 500, end: 599 }] },
  ...more,
});

export const retryUnavailable = (more: Partial<Retry<GrpcRetryConditions>> = {}): Retry<GrpcRetryConditions> => ({
  maxRetries: 2,
  maxRequestBytes: 1_000,
  conditions: { codes: [14] },
  ...more,
});

/** Endpoints: real ports of applications in plaintext. */
export async function tried(ports: readonly number[], options: RuleOptions = {}): Promise<Scene> {
  const mesh = await TestMesh.start();
  const clock = manualClock();
  const client = await mesh.workload('client', {
    ip: '10.42.0.4',
    connectsTo: [`${SERVICE}=${NAME}`],
    clock,
    ...(options.engine && { engine: options.engine }),
    settings: { outbound: { failfastMs: options.failfastMs ?? 1_000, connectBackoff: { minMs: 100, maxMs: 100, jitter: 0 } } },
  });
  let next = 10;
  const endpoint = (port: number): Endpoint => {
    const ip = `10.42.0.${next++}`;
    mesh.addresses.set(`${ip}:8080`, { ip: '127.0.0.1', port });
    return { address: { ip, port: 8080 }, weight: 10_000, labels: {}, hint: 'none' } as Endpoint;
  };
  mesh.control.endpointsOf(NAME).set(ports.map(endpoint));
  if (options.profile) {
    mesh.control.outboundOf(SERVICE).set(detectPolicy(balanced(NAME)));
    mesh.control.profileOf(SERVICE).set({ fullyQualifiedName: 'server.ns.svc.cluster.local', opaqueProtocol: false, overrides: [], ...options.profile });
  } else mesh.control.outboundOf(SERVICE).set(clientPolicy(protocolOf(options)));
  return { mesh, clock, client, port: client.outboundPort(SERVICE), endpoint, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() };
}

function protocolOf({ timeouts = {}, http, grpc, allowL5dHeaders = false, version = 'http1' }: RuleOptions): ClientProtocol {
  const common = { filters: [], distribution: firstOf(balanced(NAME)), timeouts, allowL5dHeaders };
  const metadata = defaultMetadata('route');
  if (grpc) return { kind: 'grpc', routes: [{ metadata, hosts: [], rules: [{ ...common, matches: [], retry: grpc }] }] };
  const routes: HttpProtocol['routes'] = [{ metadata, hosts: [], rules: [{ ...common, matches: [], ...(http && { retry: http }) }] }];
  return { kind: version, routes };
}

/** An application of HTTP/1. */
export async function http1App(mesh: TestMesh, handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  return await mesh.listenOn(createServer({ keepAliveTimeout: 0 }, handler));
}

/** An application of HTTP/2. */
export async function http2App(mesh: TestMesh, handler: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void): Promise<number> {
  const server = createHttp2Server();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    handler(stream, headers);
  });
  mesh.adopt({ close: () => sessions.forEach((session) => session.destroy()) });
  return await mesh.listenOn(server as unknown as Parameters<TestMesh['listenOn']>[0]);
}

export function session(scene: Scene): ClientHttp2Session {
  const opened = connectHttp2(`http://127.0.0.1:${scene.port}`);
  opened.on('error', () => undefined);
  scene.mesh.adopt(opened);
  return opened;
}

export interface StreamAnswer {
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
  readonly rstCode: number;
}

/** A gRPC call by hand. */
export function grpcCall(from: ClientHttp2Session, body = 'message', extra: Record<string, string> = {}): ClientHttp2Stream {
  const stream = from.request({ ':method': 'POST', ':path': '/svc/Method', ':authority': NAME, 'content-type': 'application/grpc', te: 'trailers', ...extra });
  stream.end(body);
  return stream;
}

export async function answerOf(stream: ClientHttp2Stream): Promise<StreamAnswer> {
  let headers: Record<string, unknown> = {};
  let trailers: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on('response', (received) => (headers = received));
  stream.on('trailers', (received) => (trailers = received));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  return { headers, trailers, body: Buffer.concat(chunks).toString(), rstCode: stream.rstCode ?? 0 };
}
