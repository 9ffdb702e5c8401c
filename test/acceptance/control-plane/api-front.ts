// A server in front of the embedded API server: hands requests on, keeps them, and answers in its place where a test wants
// what no embedded server would say. Controllers talk to it through a kubeconfig of its own.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { builtinMessages, decodeProtobuf, PROTOBUF_TYPE } from '@weft/kube/server';
import { type LineAction, relayBody } from '../../../packages/kube/src/store/fault-front.ts';
import { kubeconfigOf, type TestCluster } from './cluster.ts';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** Parsed; undefined without one, and where it is protobuf. */
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface ApiFront extends AsyncDisposable {
  readonly url: string;
  /** Path of the file. */
  readonly kubeconfig: string;
  readonly asked: readonly ApiRequest[];
  /** Bodies of the requests to paths that end so. */
  askedOf(ending: string): readonly unknown[];
  /** What it gives is the answer; `hold`: none is ever given; undefined: the request is handed on. */
  answer: (asked: ApiRequest) => ApiAnswer | 'hold' | undefined;
  /** For each line of a watch, after `object`. */
  line: (line: string) => LineAction;
  /** For each object that is listed, and that a watch tells of. */
  object: (object: ApiObject) => unknown;
  /** Breaks every connection there is. */
  cut(): void;
}

export interface ApiObject {
  readonly kind?: string;
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

export async function apiFront(cluster: TestCluster): Promise<ApiFront> {
  const asked: ApiRequest[] = [];
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url: path = '/', headers } = message;
    const body = await buffer(message);
    const one: ApiRequest = { method, path, body: parsed(body, headers['content-type']) };
    asked.push(one);
    const answer = front.answer(one);
    if (answer === 'hold') return;
    if (answer) {
      response.writeHead(answer.code, { 'content-type': 'application/json', ...answer.headers }).end(JSON.stringify(answer.body));
      return;
    }
    const host = `127.0.0.1:${cluster.port}`;
    const onward = request({ host: '127.0.0.1', port: cluster.port, method, path, headers: { ...headers, host }, agent: false }, (upstream) => {
      const { 'content-length': _, ...rest } = upstream.headers;
      response.writeHead(upstream.statusCode ?? 502, rest);
      const isWatch = path.includes('watch=true');
      if (isWatch) response.flushHeaders();
      relayBody(upstream, response, isWatch, {
        line: (line) => relayed(line, front),
        page: (text) => (method === 'GET' ? listed(text, front) : text),
      });
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end(body);
  };
  const server = createServer((message, response) => void serve(message, response).catch(() => response.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const kubeconfig = join(cluster.dir, `kubeconfig-${port}`);
  writeFileSync(kubeconfig, kubeconfigOf(url));
  const front: ApiFront = {
    url,
    kubeconfig,
    asked,
    askedOf: (ending) => asked.filter(({ path }) => path.endsWith(ending)).map(({ body }) => body),
    answer: () => undefined,
    line: () => 'pass',
    object: (object) => object,
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
  return front;
}

interface Told {
  readonly type?: string;
  readonly object?: ApiObject;
}

function relayed(line: string, front: ApiFront): LineAction {
  const told = JSON.parse(line) as Told;
  const isObject = told.type !== 'BOOKMARK' && told.type !== 'ERROR';
  const text = isObject && told.object ? JSON.stringify({ ...told, object: front.object(told.object) }) : line;
  const action = front.line(text);
  return action === 'pass' ? { text } : action;
}

function listed(text: string, front: ApiFront): string {
  const { items, ...rest } = JSON.parse(text) as { readonly items?: readonly ApiObject[] };
  return items ? JSON.stringify({ ...rest, items: items.map(front.object) }) : text;
}

const messages = builtinMessages();

/** Linkerd's controllers write protobuf. */
function parsed(body: Buffer, type: string | undefined): unknown {
  if (body.length === 0) return undefined;
  return type === PROTOBUF_TYPE ? decodeProtobuf(messages, body) : (JSON.parse(body.toString()) as unknown);
}
