// A server in front of the embedded API server: hands requests on, keeps them, and answers in its place where a test wants
// what no embedded server would say. Controllers talk to it through a kubeconfig of its own.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { builtinMessages, decodeProtobuf, PROTOBUF_TYPE } from '@weft/kube/server';
import { kubeconfigOf, type TestCluster } from './cluster.ts';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** Parsed; undefined without one, and where it is protobuf. */
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly code: number;
  readonly body: unknown;
}

export interface ApiFront extends AsyncDisposable {
  /** Path of the file. */
  readonly kubeconfig: string;
  readonly asked: readonly ApiRequest[];
  /** Bodies of the requests to paths that end so. */
  askedOf(ending: string): readonly unknown[];
  /** What it gives is the answer; undefined: the request is handed on. */
  answer: (asked: ApiRequest) => ApiAnswer | undefined;
}

export async function apiFront(cluster: TestCluster): Promise<ApiFront> {
  const asked: ApiRequest[] = [];
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url: path = '/', headers } = message;
    const body = await buffer(message);
    const one: ApiRequest = { method, path, body: parsed(body, headers['content-type']) };
    asked.push(one);
    const answer = front.answer(one);
    if (answer) {
      response.writeHead(answer.code, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      return;
    }
    const host = `127.0.0.1:${cluster.port}`;
    const onward = request({ host: '127.0.0.1', port: cluster.port, method, path, headers: { ...headers, host }, agent: false }, (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.headers);
      upstream.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end(body);
  };
  const server = createServer((message, response) => void serve(message, response).catch(() => response.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(cluster.dir, `kubeconfig-${port}`);
  writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${port}`));
  const front: ApiFront = {
    kubeconfig,
    asked,
    askedOf: (ending) => asked.filter(({ path }) => path.endsWith(ending)).map(({ body }) => body),
    answer: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
  return front;
}

const messages = builtinMessages();

/** Linkerd's controllers write protobuf. */
function parsed(body: Buffer, type: string | undefined): unknown {
  if (body.length === 0) return undefined;
  return type === PROTOBUF_TYPE ? decodeProtobuf(messages, body) : (JSON.parse(body.toString()) as unknown);
}
