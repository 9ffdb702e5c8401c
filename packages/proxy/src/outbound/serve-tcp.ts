// Relays one connection of the application as bytes, to an endpoint chosen by load. spec/proxy.md §6.6.
import type { Socket } from 'node:net';
import { type Clock, type Reason, ReasonError, reasonOf } from '@weft/core';
import type { Dispatch } from '@weft/core/balance';
import type { Connection } from '../accept/connections.ts';
import type { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import { relay } from '../relay/tcp-relay.ts';
import type { TcpBackend } from './backends.ts';
import type { Waiter } from './balanced-queue.ts';

/** Resolves when both sides are closed; rejects with a ReasonError when no endpoint could be reached. */
export async function serveOutboundTcp(connection: Connection, backend: TcpBackend, clock: Clock): Promise<void> {
  const upstream = await new Promise<Socket>((resolve, reject) => {
    backend.submit(new TcpCall(connection, clock, resolve, reject));
    if (connection.signal.aborted) reject(new ReasonError({ code: 'CLIENT_GONE' }));
    connection.signal.addEventListener('abort', () => reject(new ReasonError({ code: 'CLIENT_GONE' })), { once: true });
  });
  const relayed = relay(connection.socket, upstream);
  connection.enter({ drain: () => undefined, destroy: (error) => relayed.destroy(error) });
  await relayed.closed;
}

class TcpCall implements Waiter<TcpEndpoint> {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #resolve: (socket: Socket) => void;
  readonly #reject: (error: Error) => void;

  constructor(connection: Connection, clock: Clock, resolve: (socket: Socket) => void, reject: (error: Error) => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get aborted(): boolean {
    return this.#connection.signal.aborted;
  }

  start(endpoint: TcpEndpoint, dispatch: Dispatch): void {
    endpoint.dial(this.#connection.signal).then(
      (socket) => {
        // The sample is the time to connect, not the life of the connection.
        dispatch.complete(this.#clock.now());
        if (this.aborted) socket.destroy();
        else this.#resolve(socket);
      },
      (error: unknown) => {
        dispatch.complete(this.#clock.now());
        this.refuse(reasonOf(error));
      },
    );
  }

  refuse(why: Reason): void {
    this.#reject(new ReasonError(why));
  }
}
