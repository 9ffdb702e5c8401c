// The listening sockets of one side, following a Watch of listeners. spec/proxy.md §1.1.
import type { Socket } from 'node:net';
import type { Logger, SocketAddress, Watch } from '@weft/core';
import type { Listener, SocketOptions } from '../config.ts';
import type { SetTcpOptions } from '../ports.ts';
import { type OpenedListener, type OpenListener, openListener } from './open-listener.ts';

export interface ListenersOptions {
  /** For log records: `inbound`, `outbound`, `admin`. */
  readonly name: string;
  readonly listeners: Watch<readonly Listener[]>;
  readonly sockets: SocketOptions;
  readonly setTcpOptions: SetTcpOptions;
  /** Default: `openListener`. */
  readonly open?: OpenListener | undefined;
  readonly logger: Logger;
  /** Called for each accepted connection; the socket is not read yet and keeps half-open ends. */
  onConnection(socket: Socket, listener: Listener): void;
}

export interface Listeners {
  /** Resolves when the first set is bound; rejects when one of them cannot be. */
  readonly listening: Promise<void>;
  /** Where the present listeners are bound, in their order; those not bound yet are left out. */
  readonly addresses: readonly SocketAddress[];
  /** Stops accepting. Connections live on. */
  close(): void;
}

interface Bound {
  listener: Listener;
  readonly socket: OpenedListener;
}

export function bindListeners(options: ListenersOptions): Listeners {
  const bound = new Map<string | Listener, Bound>();
  let order: Bound[] = [];
  let closed = false;
  let settle: ((opened: Promise<unknown>) => void) | undefined;
  const listening = new Promise<void>((resolve, reject) => {
    settle = (opened) => void opened.then(() => resolve(), reject);
  });
  listening.catch(() => undefined);

  const openSocket = options.open ?? openListener;

  const open = (listener: Listener): Bound => {
    const entry: Bound = {
      listener,
      socket: openSocket(listener, options.sockets.backlog, (socket) => {
        if (options.sockets.accept) options.setTcpOptions(socket, options.sockets.accept);
        options.onConnection(socket, entry.listener);
      }),
    };
    entry.socket.opened.catch((error: unknown) => options.logger.log('error', 'cannot listen', { listener: options.name, address: listener.listen, error }));
    return entry;
  };

  const apply = (wanted: readonly Listener[]): void => {
    const stale = new Map(bound);
    order = wanted.map((listener) => {
      const key = keyOf(listener);
      const known = bound.get(key);
      stale.delete(key);
      if (known) {
        known.listener = listener;
        return known;
      }
      const entry = open(listener);
      bound.set(key, entry);
      return entry;
    });
    for (const [key, entry] of stale) {
      bound.delete(key);
      entry.socket.close();
    }
    settle?.(Promise.all(order.map((entry) => entry.socket.opened)));
    settle = undefined;
  };

  const unsubscribe = options.listeners.subscribe((state) => {
    if (!closed && state.kind === 'value') apply(state.value);
  });

  return {
    listening,
    get addresses() {
      return order.flatMap(({ socket }) => socket.address ?? []);
    },
    close() {
      closed = true;
      unsubscribe();
      for (const entry of bound.values()) entry.socket.close();
    },
  };
}

/** Listeners on port 0 are told apart by identity, all others by their address. */
export function keyOf(listener: Listener): string | Listener {
  return listener.listen.port === 0 ? listener : `${listener.listen.ip} ${listener.listen.port}`;
}
