// The three ways of a client to ask: HTTP/1.1 in origin form, with an absolute URI, and HTTP/2; and applications that say who they are.
import { createServer, type IncomingHttpHeaders } from 'node:http2';
import type { Server } from 'node:net';
import { type Application, type At, getHttp2, http2Session, httpApplication, serveOn } from '../process/applications.ts';
import { ask, header } from './wire.ts';

export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly header: (name: string) => string | undefined;
}

export interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Version {
  readonly name: 'http1' | 'http1_absolute' | 'http2';
  ask(at: At, question?: Question): Promise<Reply>;
  /** Answers everything with its name; `headers`: what it got. */
  application(name: string): Promise<NamedApplication>;
}

export interface NamedApplication extends Application {
  readonly heads: readonly IncomingHttpHeaders[];
}

const HOST = 'server.ns.svc.cluster.local';

export const VERSIONS: readonly Version[] = [
  { name: 'http1', ask: (at, question) => askHttp1(at, question, ''), application: http1Named },
  { name: 'http1_absolute', ask: (at, question) => askHttp1(at, question, `http://${question?.host ?? HOST}`), application: http1Named },
  { name: 'http2', ask: askHttp2, application: http2Named },
];

/** HTTP/1 in origin form, and HTTP/2. */
export const [HTTP1, , HTTP2] = VERSIONS as readonly [Version, Version, Version];

async function askHttp1(at: At, { method = 'GET', path = '/', host = HOST, headers = {} }: Question = {}, origin: string): Promise<Reply> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const message = await ask(at, `${method} ${origin}${path} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('')}\r\n`);
  return { status: Number(message.start.split(' ')[1]), body: message.body, header: (name) => header(message, name) };
}

async function askHttp2(at: At, { method = 'GET', path = '/', host = HOST, headers = {} }: Question = {}): Promise<Reply> {
  using session = http2Session(at);
  const answer = await getHttp2(session, { ...headers, ':method': method, ':path': path, ':authority': host });
  const { headers: head, body, status } = answer;
  return { status, body, header: (name) => head[name]?.toString() };
}

async function http1Named(name: string): Promise<NamedApplication> {
  const heads: IncomingHttpHeaders[] = [];
  const application = await httpApplication((request, response) => {
    heads.push(request.headers);
    request.resume();
    response.setHeader('x-app', name);
    response.end(name);
  });
  return { ...application, heads };
}

async function http2Named(name: string): Promise<NamedApplication> {
  const heads: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    heads.push(request.headers);
    request.resume();
    response.setHeader('x-app', name);
    response.end(name);
  });
  const application = await serveOn(server as unknown as Server);
  return { ...application, heads };
}
