// Two servers and a client, each behind its proxy, in this process; every connection between them is mutual TLS.
import { createServer } from 'node:http';
import type { LogRecord } from '@weft/core';
import { balanced, detectPolicy } from '../acceptance/proxy/policies.ts';
import { sample, TestMesh } from '../acceptance/proxy/test-mesh.ts';
import type { ChurnWorld } from './churn.ts';

const HTTP_SERVICE = '10.43.0.7:80';
const HTTP_NAME = 'web.ns.svc.cluster.local:80';
const TCP_SERVICE = '10.43.0.8:80';
const TCP_NAME = 'bytes.ns.svc.cluster.local:80';

export interface SoakWorld extends ChurnWorld, AsyncDisposable {
  /** Drops what the harness itself writes down. */
  forget(): void;
  /** `tcp_open_connections` of all proxies: what they believe to hold. */
  openConnections(): number;
  /** `request_total` of the client's proxy. */
  requests(): number;
}

export async function startWorld(): Promise<SoakWorld> {
  const mesh = await TestMesh.start();
  const web = createServer((message, response) => {
    message.resume();
    message.on('error', () => undefined);
    response.on('error', () => undefined);
    response.end(Buffer.alloc(Number(message.url?.slice(1)) || 0, 'y'));
  });
  const httpApp = await mesh.listenOn(web);
  const tcpApp = await mesh.listen((socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => socket.end(Buffer.concat(chunks)));
  });
  const ports = { 8080: httpApp, 9000: tcpApp };
  const one = await mesh.workload('one', { ip: '10.42.0.5', ports });
  const two = await mesh.workload('two', { ip: '10.42.0.6', ports });
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: [`${HTTP_SERVICE}=${HTTP_NAME}`, `${TCP_SERVICE}=${TCP_NAME}`] });
  mesh.control.outboundOf(HTTP_SERVICE).set(detectPolicy(balanced(HTTP_NAME)));
  mesh.control.outboundOf(TCP_SERVICE).set(detectPolicy(balanced(TCP_NAME)));
  mesh.control.endpointsOf(TCP_NAME).set([one.endpoint(9000), two.endpoint(9000)]);

  const sets = [[one.endpoint(8080), two.endpoint(8080)], [one.endpoint(8080)], [one.endpoint(8080), two.endpoint(8080)], [two.endpoint(8080)]];
  let turn = 0;
  const rotateEndpoints = (): void => mesh.control.endpointsOf(HTTP_NAME).set(sets[turn++ % sets.length] ?? []);
  rotateEndpoints();
  const workloads = [one, two, client];
  return {
    httpPort: client.outboundPort(HTTP_SERVICE),
    tcpPort: client.outboundPort(TCP_SERVICE),
    rotateEndpoints,
    forget() {
      mesh.dialled.length = 0;
      for (const { logs } of workloads) (logs as LogRecord[]).length = 0;
    },
    openConnections: () => workloads.reduce((sum, { metrics }) => sum + sample(metrics, 'tcp_open_connections'), 0),
    requests: () => sample(client.metrics, 'request_total', 'direction="outbound"'),
    async [Symbol.asyncDispose]() {
      web.closeAllConnections();
      await mesh[Symbol.asyncDispose]();
    },
  };
}
