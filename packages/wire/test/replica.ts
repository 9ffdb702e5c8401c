// A real grpc-js server that says its name, behind a relay that can be cut or frozen.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import type { SocketAddress } from '@weft/core';

const bytes = { serialize: (value: Buffer) => value, deserialize: (data: Buffer) => data };
const method = (name: string, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> => ({
  path: `/test.Replica/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
});

/** `Who` answers with the name, `Watch` sends it and stays open, `Silent` never answers, `Refuse` fails. */
export const replicaService = { Who: method('Who', false), Watch: method('Watch', true), Silent: method('Silent', true), Refuse: method('Refuse', false) };

export interface Replica {
  readonly name: string;
  readonly address: SocketAddress;
  /** Connections so far, and those that are open. */
  readonly connected: number;
  readonly open: number;
  /** Calls to `Silent` and `Watch` so far. */
  readonly streams: number;
  /** Sends one more message on every `Watch`. */
  say(): void;
  /** Nothing more passes, in either direction; connections stay. */
  freeze(): void;
  /** Asks every client to leave. */
  goAway(): void;
  /** Ends every connection. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startReplica(name: string, options: { readonly port?: number; readonly maxStreams?: number } = {}): Promise<Replica> {
  const watches = new Set<grpc.ServerWritableStream<Buffer, Buffer>>();
  let [connected, streams] = [0, 0];
  const server = new grpc.Server(options.maxStreams === undefined ? {} : { 'grpc.max_concurrent_streams': options.maxStreams });
  server.addService(replicaService as unknown as grpc.ServiceDefinition, {
    Who: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) => callback(null, Buffer.from(name)),
    Refuse: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) => callback({ code: grpc.status.NOT_FOUND, details: 'no' }),
    Silent: () => void streams++,
    Watch(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      streams++;
      watches.add(call);
      call.on('cancelled', () => watches.delete(call));
      call.write(Buffer.from(name));
    },
  });
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const inner: Server = createServer({ noDelay: true }, (socket) => injector.injectConnection(socket));
  const innerPort = await listen(inner, 0);
  const sockets = new Set<Socket>();
  let frozen = false;
  const relay: Server = createServer({ noDelay: true }, (client) => {
    connected++;
    const back = connect({ host: '127.0.0.1', port: innerPort, noDelay: true });
    for (const [from, to] of [
      [client, back],
      [back, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk: Buffer) => {
        if (!frozen) to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const port = await listen(relay, options.port ?? 0);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  let stopped = false;
  return {
    name,
    address: { ip: '127.0.0.1', port },
    get connected() {
      return connected;
    },
    get open() {
      return sockets.size / 2;
    },
    get streams() {
      return streams;
    },
    say() {
      for (const call of watches) call.write(Buffer.from(name));
    },
    freeze() {
      frozen = true;
    },
    goAway: () => injector.drain(60_000),
    cut,
    async stop() {
      if (stopped) return;
      stopped = true;
      const closed = [once(relay, 'close'), once(inner, 'close')];
      relay.close();
      inner.close();
      cut();
      injector.destroy();
      server.forceShutdown();
      await Promise.all(closed);
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
