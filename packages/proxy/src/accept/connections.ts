// What is open now, and in which stage, so that a drain can end it politely and wait for it. spec/proxy.md §1.5.
import type { Socket } from 'node:net';

/** What a connection is busy with once its protocol is known. */
export interface Stage {
  /** Ends as soon as what is in flight is done. Called at most once. */
  drain(): void;
  destroy(error?: Error): void;
}

/** One accepted connection, from accept to close. Before it enters a stage a drain simply closes it. */
export class Connection {
  readonly socket: Socket;
  /** Made when somebody asks: most connections are never waited for. */
  #abort: AbortController | undefined;
  #stage: Stage | undefined;
  #draining = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.once('close', () => this.#abort?.abort());
  }

  /** Aborted when the connection is closed. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.socket.closed) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  enter(stage: Stage): void {
    this.#stage = stage;
    if (this.#draining) stage.drain();
  }

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    if (this.#stage) this.#stage.drain();
    else this.socket.destroy();
  }

  destroy(error?: Error): void {
    this.#stage?.destroy(error);
    this.socket.destroy();
  }
}

export class Connections {
  readonly #open = new Set<Connection>();
  readonly #waiters: (() => void)[] = [];
  #draining = false;

  get size(): number {
    return this.#open.size;
  }

  /** Handles one connection: it counts as open until `handle` has finished. */
  async run(socket: Socket, handle: (connection: Connection) => Promise<void>): Promise<void> {
    const connection = new Connection(socket);
    this.#open.add(connection);
    if (this.#draining) connection.drain();
    try {
      await handle(connection);
    } finally {
      this.#open.delete(connection);
      if (this.#open.size === 0) for (const wake of this.#waiters.splice(0)) wake();
    }
  }

  /** Resolves when nothing is open. */
  drain(): Promise<void> {
    this.#draining = true;
    for (const connection of this.#open) connection.drain();
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  destroy(error?: Error): void {
    this.#draining = true;
    for (const connection of this.#open) connection.destroy(error);
  }
}
