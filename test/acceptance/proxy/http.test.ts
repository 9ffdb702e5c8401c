import { createServer, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { balanced, detectPolicy } from './policies.ts';
import { sample, TestMesh, type Workload } from './test-mesh.ts';

const SERVICE = '10.43.0.7:80';
const NAME = 'server.ns.svc.cluster.local:80';

async function pair(mesh: TestMesh, appPort: number): Promise<{ client: Workload; server: Workload }> {
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: appPort } });
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: [`${SERVICE}=${NAME}`] });
  mesh.control.outboundOf(SERVICE).set(detectPolicy(balanced(NAME)));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  return { client, server };
}

async function get(port: number, path = '/', headers: Record<string, string> = {}): Promise<{ response: IncomingMessage; body: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ port, path, headers, host: '127.0.0.1', agent: false }, resolve).on('error', reject).end();
  });
  return { response, body: await text(response) };
}

test('carries an HTTP/1.1 request over mutual TLS and restores its version', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listenOn(
    createServer((message, response) => {
      response.end(JSON.stringify({ version: message.httpVersion, headers: message.headers }));
    }),
  );
  const { client, server } = await pair(mesh, app);
  const { response, body } = await get(client.outboundPort(SERVICE), '/x', { host: 'server.ns.svc.cluster.local' });
  expect(response.statusCode).toBe(200);
  expect(response.httpVersion).toBe('1.1');
  const seen = JSON.parse(body) as { version: string; headers: Record<string, string> };
  expect(seen.version).toBe('1.1');
  expect(seen.headers['l5d-client-id']).toBe(client.identity);
  expect(seen.headers['l5d-orig-proto']).toBeUndefined();
  expect(response.headers['l5d-orig-proto']).toBeUndefined();
  expect(sample(client.metrics, 'request_total', 'direction="outbound"', 'tls="true"', `server_id="${server.identity}"`, 'dst_namespace="ns"')).toBe(1);
  expect(sample(server.metrics, 'request_total', 'direction="inbound"', 'tls="true"', `client_id="${client.identity}"`, 'srv_port="8080"')).toBe(1);
  expect(sample(server.metrics, 'response_total', 'status_code="200"', 'classification="success"')).toBe(1);
  expect(sample(server.metrics, 'inbound_http_authz_allow_total', 'authz_name="test-authz"')).toBe(1);
  expect(sample(client.metrics, 'response_latency_ms_count', 'status_code="200"')).toBe(1);
});
