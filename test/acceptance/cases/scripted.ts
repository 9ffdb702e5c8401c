// Applications whose answers a script gives, in HTTP/1 and HTTP/2, and a client's proxy before them that tries again or runs out of time.
import { createServer as createHttp1, request as send } from 'node:http';
import { type ClientHttp2Session, createServer as createHttp2, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import type { Server } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ClientPolicy, ClientProtocol, GrpcRetryConditions, HttpRetryConditions, Profile, Retry, Timeouts } from '@weft/core';
import { type Application, type At, hostAndPort, http2Session, serveOn } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { alone, NAME, SERVICE } from '../process/scenes.ts';
import { balanced, clientPolicy, detectPolicy, firstOf } from '../proxy/policies.ts';

export type Version = 'http1' | 'http2';
export const HTTP_VERSIONS = ['http1', 'http2'] as const;

/** A request as an application got it, and how it answers: each step in order. */
export interface Turn {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** How many came before. */
  readonly index: number;
  readonly body: Promise<string>;
  head(status: number, headers?: OutgoingHttpHeaders): void;
  write(part: string | Buffer): void;
  end(part?: string | Buffer): void;
  /** HTTP/2 only: ends the response with these. */
  trailers(fields: OutgoingHttpHeaders): void;
  /** HTTP/2 only. */
  reset(code: number): void;
}

/** Rejects where the request is given up, whether or not anybody asks. */
function whole(stream: Readable): Promise<string> {
  const body = text(stream);
  body.catch(() => undefined);
  return body;
}

export interface ScriptedApplication extends Application {
  readonly turns: readonly Turn[];
}

export async function scriptedApplication(version: Version, serve: (turn: Turn) => unknown): Promise<ScriptedApplication> {
  const turns: Turn[] = [];
  const take = (turn: Turn): void => {
    turns.push(turn);
    void (async () => serve(turn))().catch(() => turn.reset(2));
  };
  const server =
    version === 'http1'
      ? createHttp1((request, response) => {
          take({
            path: request.url ?? '',
            headers: request.headers,
            index: turns.length,
            body: whole(request),
            head: (status, headers = {}) => {
              response.writeHead(status, headers);
              response.flushHeaders();
            },
            write: (part) => void response.write(part),
            end: (part) => void response.end(part),
            trailers: () => response.destroy(),
            reset: () => void response.destroy(),
          });
        })
      : createHttp2().on('stream', (stream, headers) => {
          let last: OutgoingHttpHeaders | undefined;
          stream.on('error', () => undefined);
          stream.on('wantTrailers', () => stream.sendTrailers(last ?? {}));
          take({
            path: headers[':path'] ?? '',
            headers,
            index: turns.length,
            body: whole(stream),
            head: (status, more = {}) => stream.respond({ ':status': status, ...more }, { waitForTrailers: true }),
            write: (part) => void stream.write(part),
            end: (part) => void stream.end(part),
            trailers: (fields) => {
              last = fields;
              stream.end();
            },
            reset: (code) => stream.close(code),
          });
        });
  return { ...(await serveOn(server as unknown as Server)), turns };
}

/** A rule that sends everything to the one Service. */
export interface RuleScript {
  readonly http?: Retry<HttpRetryConditions>;
  readonly grpc?: Retry<GrpcRetryConditions>;
  readonly timeouts?: Timeouts;
  readonly allowL5dHeaders?: boolean;
}

const META = { kind: 'resource', group: 'gateway.networking.k8s.io', resource: 'HTTPRoute', namespace: 'ns', name: 'tried', section: '', port: 0 } as const;

export function rulePolicy(version: Version, { http, grpc, timeouts = {}, allowL5dHeaders = false }: RuleScript): ClientPolicy {
  const common = { filters: [], distribution: firstOf(balanced(NAME)), timeouts, allowL5dHeaders, matches: [] };
  const protocol: ClientProtocol =
    grpc || version === 'http2'
      ? grpc
        ? { kind: 'grpc', routes: [{ metadata: META, hosts: [], rules: [{ ...common, retry: grpc }] }] }
        : { kind: 'http2', routes: [{ metadata: META, hosts: [], rules: [{ ...common, ...(http && { retry: http }) }] }] }
      : { kind: 'http1', routes: [{ metadata: META, hosts: [], rules: [{ ...common, ...(http && { retry: http }) }] }] };
  return clientPolicy(protocol);
}

export interface Tried extends AsyncDisposable {
  readonly proxy: ProxyProcess;
  readonly at: string;
}

/** A policy, or a profile in its place. */
export async function proxyBefore(application: Application, script: { readonly policy: ClientPolicy } | { readonly profile: Profile }): Promise<Tried> {
  const builder = controlPlane().outbound(SERVICE, 'policy' in script ? script.policy : detectPolicy(balanced(NAME)));
  const control = await ('profile' in script ? builder.profile(SERVICE, script.profile) : builder).start();
  const proxy = await alone(control, application.port);
  return {
    proxy,
    at: proxy.outboundAddress(SERVICE),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await control[Symbol.asyncDispose]();
    },
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  /** The code of the reset that broke it off, 0 where it ended well; a broken connection of HTTP/1 is -1. */
  readonly broken: number;
}

export interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Parts are sent one by one, without a length. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
}

/** One request, and all that comes back. */
export async function request(version: Version, at: At, question: Question = {}): Promise<Reply> {
  if (version === 'http1') return await askHttp1(at, question);
  using session = http2Session(at);
  return await askHttp2(session, question);
}

async function askHttp1(at: At, { method = 'GET', path = '/', headers = {}, body }: Question): Promise<Reply> {
  return await new Promise<Reply>((resolve, reject) => {
    let fail: (error: Error) => void = reject;
    const sent = send({ ...hostAndPort(at), method, path, headers: { host: NAME, ...headers }, agent: false }, (response) => {
      let received = '';
      const done = (broken: number): void =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, trailers: response.trailers, body: received, broken });
      fail = () => done(-1);
      response.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
      response.on('error', () => done(-1));
      response.on('end', () => done(0));
    });
    sent.on('error', (error) => fail(error));
    if (Array.isArray(body)) {
      for (const part of body) sent.write(part);
      sent.end();
    } else sent.end(body);
  });
}

export async function askHttp2(session: ClientHttp2Session, { method = 'GET', path = '/', headers = {}, body }: Question = {}): Promise<Reply> {
  const stream = session.request({ ...headers, ':method': method, ':path': path, ':authority': NAME }, { endStream: body === undefined });
  if (Array.isArray(body)) {
    for (const part of body) stream.write(part);
    stream.end();
  } else if (body !== undefined) stream.end(body);
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let received = '';
  stream.on('response', (fields) => (head = fields));
  stream.on('trailers', (fields) => (trailers = fields));
  stream.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  return { status: Number(head[':status'] ?? 0), headers: head, trailers, body: received, broken: stream.rstCode ?? 0 };
}
