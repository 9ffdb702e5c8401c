import { Client, credentials, Metadata, Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { startPair, until } from './pair.ts';
import { onlyFor } from './policies.ts';
import { sample, TestMesh } from './test-mesh.ts';

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
const codec = {
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
};
const service: ServiceDefinition = {
  chat: { path: '/test.Echo/Chat', requestStream: true, responseStream: true, ...codec },
  fail: { path: '/test.Echo/Fail', requestStream: false, responseStream: false, ...codec },
};

async function startServer(mesh: TestMesh): Promise<number> {
  const server = new Server();
  server.addService(service, {
    chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(Buffer.from(`echo ${message.toString()}`)));
      call.on('end', () => {
        const trailers = new Metadata();
        trailers.set('x-end', 'yes');
        call.end(trailers);
      });
    },
    fail: (_call: unknown, callback: (error: object) => void) => callback({ code: status.UNAVAILABLE, details: 'not today' }),
  });
  mesh.adopt({ close: () => server.forceShutdown() });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
}

test('streams gRPC both ways and delivers trailers and status', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await startServer(mesh));
  const stub = mesh.adopt(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
  const call = stub.makeBidiStreamRequest('/test.Echo/Chat', bytes.serialize, bytes.deserialize);
  const replies: string[] = [];
  call.on('data', (message: Buffer) => {
    replies.push(message.toString());
    if (replies.length === 3) call.end();
    else call.write(Buffer.from(String(replies.length)));
  });
  call.write(Buffer.from('0'));
  const end = await new Promise<{ code: number; metadata: Metadata }>((resolve) => call.once('status', resolve));
  expect(replies).toEqual(['echo 0', 'echo 1', 'echo 2']);
  expect(end.code).toBe(status.OK);
  expect(end.metadata.get('x-end')).toEqual(['yes']);
  await until(() => sample(server.metrics, 'response_total', 'grpc_status="0"', 'classification="success"') === 1);
  await until(() => sample(client.metrics, 'response_total', 'grpc_status="0"', 'classification="success"') === 1);
});

test('counts a failed gRPC status as a failure although the HTTP status is 200', async () => {
  await using mesh = await TestMesh.start();
  const { client, port } = await startPair(mesh, await startServer(mesh));
  const stub = mesh.adopt(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
  const error = await new Promise<{ code?: number; details?: string } | null>((resolve) =>
    stub.makeUnaryRequest('/test.Echo/Fail', bytes.serialize, bytes.deserialize, Buffer.from('x'), resolve),
  );
  expect(error).toMatchObject({ code: status.UNAVAILABLE, details: 'not today' });
  await until(() => sample(client.metrics, 'response_total', 'status_code="200"', 'classification="failure"', 'grpc_status="14"') === 1);
});

test('refuses an unauthorized gRPC call in the words of gRPC', async () => {
  await using mesh = await TestMesh.start();
  const { server, port } = await startPair(mesh, await startServer(mesh));
  mesh.control.inboundOf(8080).set(onlyFor('somebody.else.serviceaccount.identity.linkerd.cluster.local'));
  const stub = mesh.adopt(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
  const error = await new Promise<{ code?: number; details?: string } | null>((resolve) =>
    stub.makeUnaryRequest('/test.Echo/Fail', bytes.serialize, bytes.deserialize, Buffer.from('x'), resolve),
  );
  expect(error?.code).toBe(status.PERMISSION_DENIED);
  expect(error?.details).toMatch(/^UNAUTHORIZED: .*client\.ns\.serviceaccount/);
  expect(sample(server.metrics, 'inbound_http_authz_deny_total', 'srv_port="8080"')).toBe(1);
});
