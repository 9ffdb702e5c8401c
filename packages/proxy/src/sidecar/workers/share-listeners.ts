// The main thread binds each listener once, accepts nothing, and gives every worker a descriptor of its own: a descriptor that
// several threads shared would be closed by the first of them for all.
import { closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { type Logger, type SocketAddress, socketAddressOf, type Watch } from '@weft/core';
import { keyOf } from '../../accept/listeners.ts';
import type { Listener } from '../../config.ts';
import { descriptorOf, type SocketCalls } from '../socket-calls.ts';
import type { SharedListener } from './messages.ts';

export interface ShareListenersOptions {
  /** For log records. */
  readonly name: string;
  readonly listeners: Watch<readonly Listener[]>;
  readonly backlog: number | undefined;
  readonly workers: number;
  readonly calls: Pick<SocketCalls, 'duplicate'>;
  readonly logger: Logger;
  /** Called with each set once it is bound, for each worker; descriptors are the worker's from then on. */
  onListeners(worker: number, list: readonly SharedListener[]): void;
}

export interface SharedListeners {
  /** Resolves when the first set is bound; rejects when one of them cannot be. */
  readonly bound: Promise<void>;
  readonly addresses: readonly SocketAddress[];
  close(): void;
}

interface Bound {
  readonly address: SocketAddress;
  /** One for each worker; undefined once they are given away. */
  descriptors: readonly number[] | undefined;
}

export function shareListeners(options: ShareListenersOptions): SharedListeners {
  const { workers, logger, name } = options;
  let known = new Map<string | Listener, Bound>();
  let closed = false;
  let work: Promise<void> = Promise.resolve();
  let first: Promise<void> | undefined;

  const bindOne = async (listener: Listener): Promise<Bound> => {
    try {
      return await bind(listener, options);
    } catch (error) {
      logger.log('error', 'cannot listen', { listener: name, address: listener.listen, error });
      throw error;
    }
  };

  const apply = async (wanted: readonly Listener[]): Promise<void> => {
    const next = new Map<string | Listener, Bound>();
    const outcomes = await Promise.allSettled(
      wanted.map(async (listener) => {
        const bound = known.get(keyOf(listener)) ?? (await bindOne(listener));
        next.set(keyOf(listener), bound);
        return { bound, listener: { ...listener, listen: bound.address } };
      }),
    );
    known = next;
    if (closed) return release(known);
    const ready = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    for (let worker = 0; worker < workers; worker++) {
      options.onListeners(
        worker,
        ready.map(({ listener, bound }) => ({ listener, fd: bound.descriptors?.[worker] })),
      );
    }
    for (const { bound } of ready) bound.descriptors = undefined;
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  };

  const unsubscribe = options.listeners.subscribe((state) => {
    if (closed || state.kind !== 'value') return;
    const { value } = state;
    // One set after the other. What goes wrong with a later one has been logged.
    const applied = work.then(() => apply(value));
    work = applied.catch(() => undefined);
    first ??= applied;
  });

  return {
    bound: first ?? Promise.resolve(),
    get addresses() {
      return [...known.values()].map(({ address }) => address);
    },
    close() {
      closed = true;
      unsubscribe();
    },
  };
}

function bind({ listen }: Listener, { backlog, workers, calls }: ShareListenersOptions): Promise<Bound> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: listen.ip, port: listen.port, backlog }, () => {
      // Within this turn: the event loop has not looked for connections yet, so none is accepted here.
      const fd = descriptorOf(server);
      const at = server.address();
      const address = at !== null && typeof at === 'object' ? socketAddressOf(at.address, at.port) : undefined;
      const copies = Array.from({ length: workers }, () => (fd === undefined ? undefined : calls.duplicate(fd)));
      const descriptors = copies.filter((copy) => copy !== undefined);
      server.close();
      if (address && descriptors.length === workers) return resolve({ address, descriptors });
      for (const copy of descriptors) closeSync(copy);
      reject(new Error(`no descriptors for ${workers} workers`));
    });
  });
}

function release(known: ReadonlyMap<unknown, Bound>): void {
  for (const { descriptors = [] } of known.values()) for (const fd of descriptors) closeSync(fd);
}
