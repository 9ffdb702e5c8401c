// One end of a TCP connection in the tests' hands: bytes exactly as they are on the wire, as latin1 text.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export class Peer {
  readonly socket: Socket;
  /** All that was received. */
  text = '';
  ended = false;
  closed = false;
  error: NodeJS.ErrnoException | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits until what was received matches; rejects when the connection is over without. */
  async receive(what: string | RegExp | ((text: string) => boolean)): Promise<string> {
    const matches = (): boolean => (typeof what === 'string' ? this.text.includes(what) : typeof what === 'function' ? what(this.text) : what.test(this.text));
    await this.#until(() => matches() || this.ended || this.closed);
    if (!matches()) throw new Error(`connection ended without ${String(what)}: ${JSON.stringify(this.text.slice(-2000))}`);
    return this.text;
  }

  /** Waits for the peer's FIN or for the connection to break. */
  async over(): Promise<string> {
    await this.#until(() => this.ended || this.closed);
    return this.text;
  }

  async whenClosed(): Promise<void> {
    await this.#until(() => this.closed);
  }

  /** Forgets what was received so far, and returns it. */
  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

export async function dialPort(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.removeAllListeners('error');
  return socket;
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** A TCP server on a free loopback port; closing it closes its connections. */
export async function listen(onSocket: (socket: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
