import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identityService } from '../services/identity-service.ts';
import { RpcCode } from './channel.ts';
import { grpcChannel } from './grpc-channel.ts';
import { unixDial } from './unix-dial.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weft-unix-'));
  path = join(dir, 'api.sock');
});
afterEach(() => rm(dir, { recursive: true }));

test('calls reach a grpc-js server on the socket, with the metadata of the channel', async () => {
  const seen: unknown[] = [];
  const server = new Server();
  server.addService(identityService, {
    Certify(call: ServerUnaryCall<unknown, object>, callback: sendUnaryData<object>) {
      seen.push(call.metadata.get('workload.spiffe.io'), call.getHost());
      callback(null, { leafCertificate: Buffer.from('leaf') });
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  const channel = grpcChannel({ target: 'localhost', dial: unixDial(path), metadata: { 'workload.spiffe.io': 'true' } });
  try {
    const { leafCertificate } = await channel.unary(identityService.Certify, {});
    expect(Buffer.from(leafCertificate ?? []).toString()).toBe('leaf');
    expect(seen).toEqual([['true'], 'localhost']);
  } finally {
    channel.close();
    server.forceShutdown();
  }
});

test('a socket that is not there makes the call unavailable and is named', async () => {
  const channel = grpcChannel({ target: 'localhost', dial: unixDial(path) });
  await expect(channel.unary(identityService.Certify, {})).rejects.toMatchObject({ code: RpcCode.UNAVAILABLE, message: expect.stringContaining(path) });
  channel.close();
});

test('an abort ends the attempt, and not the connection that came of it', async () => {
  await expect(unixDial(path)(AbortSignal.abort())).rejects.toThrow('aborted');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const abort = new AbortController();
  const socket = await unixDial(path)(abort.signal);
  abort.abort();
  expect(socket.destroyed).toBe(false);
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
