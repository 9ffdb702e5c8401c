// Relays one connection of the application as bytes, to an endpoint chosen by load. spec/proxy.md §6.6.
import type { Socket } from 'node:net';
import { type Clock, type Reason, ReasonError, reason, reasonOf } from '@weft/core';
import type { Dispatch } from '@weft/core/balance';
import type { Connection } from '../accept/connections.ts';
import type { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import { relay } from '../relay/tcp-relay.ts';
import type { TcpPlan } from '../route/tcp-plan.ts';
import type { TcpBackend, Waiter } from './pool-backend.ts';

/** Connects to an endpoint of the plan, for a connection that its route counts. Rejects with a ReasonError when none could be reached. */
export async function connectTcp(plan: TcpPlan<TcpBackend>, signal: AbortSignal, clock: Clock): Promise<Socket> {
  const { connections } = plan;
  connections?.opened();
  try {
    const socket = await connected(plan, signal, clock);
    if (socket.closed) connections?.closed();
    else socket.once('close', () => connections?.closed());
    return socket;
  } catch (error) {
    const { code } = reasonOf(error);
    connections?.closed(code === 'CLIENT_GONE' ? undefined : code);
    throw error;
  }
}

async function connected(plan: TcpPlan<TcpBackend>, signal: AbortSignal, clock: Clock): Promise<Socket> {
  const choice = plan.forbidden ? undefined : plan.distribute();
  const forbidden = plan.forbidden ?? choice?.filters;
  if (forbidden) throw new ReasonError(forbidden);
  if (!choice) throw new ReasonError(reason('LOAD_SHED', 'the route has no backend'));
  return new Promise((resolve, reject) => {
    choice.backend.submit(new TcpCall(signal, clock, resolve, reject));
    if (signal.aborted) reject(new ReasonError({ code: 'CLIENT_GONE' }));
    signal.addEventListener('abort', () => reject(new ReasonError({ code: 'CLIENT_GONE' })), { once: true });
  });
}

/** Resolves when both sides are closed; rejects when the upstream does. `stream` is what the client's bytes come from. */
export async function relayTcp(connection: Connection, stream: Socket, upstream: Promise<Socket>): Promise<void> {
  const endpoint = await upstream;
  if (connection.signal.aborted) return void endpoint.destroy();
  const relayed = relay(stream, endpoint);
  connection.enter({ drain: () => undefined, destroy: (error) => relayed.destroy(error) });
  await relayed.closed;
}

class TcpCall implements Waiter<TcpEndpoint> {
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #resolve: (socket: Socket) => void;
  readonly #reject: (error: Error) => void;

  constructor(signal: AbortSignal, clock: Clock, resolve: (socket: Socket) => void, reject: (error: Error) => void) {
    this.#signal = signal;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  start(endpoint: TcpEndpoint, dispatch: Dispatch): void {
    endpoint.dial(this.#signal).then(
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
