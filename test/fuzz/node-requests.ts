// How Node's own HTTP/1 server (llhttp) reads the same bytes: the second reader of every smuggling attack.
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  /** Lower-case names and values in order, in one text. */
  readonly fields: string;
  body: string;
  /** Its end was read. */
  complete: boolean;
}

const server = createServer({ requireHostHeader: false, keepAliveTimeout: 0 });
server.maxHeadersCount = 0;
server.timeout = 0;
server.headersTimeout = 0;
server.requestTimeout = 0;
server.on('clientError', (_error, socket) => socket.destroy());
for (const event of ['checkContinue', 'checkExpectation'] as const) server.on(event, (...args) => server.emit('request', ...args));

/** A socket whose peer says only what it is told to, and hears nothing. */
class Scripted extends Duplex {
  readonly requests: ReadRequest[] = [];
  /** Node refused what came. */
  refused = false;
  override _read(): void {
    // All comes by `emit`.
  }
  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
  override _destroy(_error: Error | null, done: () => void): void {
    this.refused = true;
    done();
  }
}

server.on('request', (request: IncomingMessage) => {
  const { rawHeaders, method = '', url = '' } = request;
  const fields = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text.toLowerCase()}=` : `${text}&`)).join('');
  const read: ReadRequest = { method, target: url, fields, body: '', complete: false };
  (request.socket as Duplex as Scripted).requests.push(read);
  request.on('data', (chunk: Buffer) => (read.body += chunk.toString('latin1')));
  request.on('end', () => (read.complete = true));
  request.on('error', () => undefined);
});

/** The requests that Node finds in these pieces. None is answered. */
export async function readByNode(pieces: readonly Buffer[]): Promise<{ readonly requests: readonly ReadRequest[]; readonly refused: boolean }> {
  const socket = new Scripted();
  socket.on('error', () => undefined);
  server.emit('connection', socket);
  for (const piece of pieces) if (!socket.refused) socket.emit('data', Buffer.from(piece));
  // Bodies come through streams.
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
  const { requests, refused } = socket;
  const result = { requests: requests.map((one) => ({ ...one })), refused };
  socket.destroy();
  return result;
}
