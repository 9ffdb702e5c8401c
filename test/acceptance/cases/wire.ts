// HTTP/1 by hand: what a proxy adds, removes or keeps shows only in the bytes themselves.
import { connect, type Socket } from 'node:net';
import { type Application, type At, hostAndPort, tcpApplication } from '../process/applications.ts';

export interface Message {
  /** The request or status line. */
  readonly start: string;
  /** Names in lower case, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Undefined where it is not there. */
export function header({ headers }: Message, name: string): string | undefined {
  const found = headers.filter(([one]) => one === name).map(([, value]) => value);
  return found.length === 0 ? undefined : found.join(', ');
}

/** One end of a connection, read message by message. */
export class Wire implements Disposable {
  readonly socket: Socket;
  private buffered = '';
  private ended = false;
  private wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.buffered += chunk;
      this.wake();
    });
    const end = (): void => {
      this.ended = true;
      this.wake();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  write(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  /** A whole message; without a length it has no body. A response to HEAD and the like never has one. */
  async message({ bodyless = false } = {}): Promise<Message> {
    const head = await this.take(/^[^]*?\r\n\r\n/);
    const [start = '', ...lines] = head.trimEnd().split('\r\n');
    const headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    const of = (name: string): string | undefined => headers.find(([one]) => one === name)?.[1];
    const length = Number(of('content-length') ?? 0);
    if (bodyless) return { start, headers, body: '' };
    if (of('transfer-encoding')?.endsWith('chunked')) return { start, headers, body: await this.chunked() };
    return { start, headers, body: await this.bytes(length) };
  }

  async bytes(length: number): Promise<string> {
    while (this.buffered.length < length) await this.more();
    const bytes = this.buffered.slice(0, length);
    this.buffered = this.buffered.slice(length);
    return bytes;
  }

  /** All there is until the connection is over. */
  async rest(): Promise<string> {
    while (!this.ended) await this.change();
    return this.buffered;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private async chunked(): Promise<string> {
    let body = '';
    for (;;) {
      const size = Number.parseInt(await this.take(/^[^]*?\r\n/), 16);
      body += await this.bytes(size);
      await this.take(size === 0 ? /^([^]*?\r\n)*?\r\n/ : /^\r\n/);
      if (size === 0) return body;
    }
  }

  private async take(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.buffered)?.[0];
      if (found !== undefined) {
        this.buffered = this.buffered.slice(found.length);
        return found;
      }
      await this.more();
    }
  }

  private async more(): Promise<void> {
    if (this.ended) throw new Error(`the connection ended after ${JSON.stringify(this.buffered)}`);
    await this.change();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }
}

export function wireTo(at: At): Wire {
  return new Wire(connect({ ...hostAndPort(at), allowHalfOpen: true }));
}

/** One request on a connection of its own, and its answer. */
export async function ask(at: At, request: string, options: { readonly bodyless?: boolean } = {}): Promise<Message> {
  using wire = wireTo(at);
  wire.write(request);
  return await wire.message(options);
}

export interface WireApplication extends Application {
  /** What was asked, in order. */
  readonly requests: readonly Message[];
  readonly connections: number;
}

/** Answers each request with the bytes that this gives; ends the connection after an answer of HTTP/1.0 or where it says so. */
export async function wireApplication(answer: (request: Message, wire: Wire) => string): Promise<WireApplication> {
  const requests: Message[] = [];
  let connections = 0;
  const serve = async (wire: Wire): Promise<void> => {
    for (;;) {
      const request = await wire.message({ bodyless: false });
      requests.push(request);
      const bytes = answer(request, wire);
      wire.write(bytes);
      if (/^HTTP\/1\.0|^connection: close/im.test(bytes)) return void wire.socket.end();
      if (/^HTTP\/1\.1 101|^CONNECT/m.test(bytes + request.start)) return;
    }
  };
  const application = await tcpApplication((socket) => {
    connections++;
    serve(new Wire(socket)).catch(() => socket.destroy());
  });
  return {
    port: application.port,
    requests,
    get connections() {
      return connections;
    },
    [Symbol.asyncDispose]: () => application[Symbol.asyncDispose](),
  };
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
