// The stream that Node's HTTP/1 parsers are attached to in place of a socket: it hands them a link's bytes and drops what they
// write. Heads and bodies are written to the link by this engine, which keeps versions, order and framing exact.
import { Duplex } from 'node:stream';

export class ByteFeed extends Duplex {
  readonly #want: () => void;

  /** `want` is called when more bytes can be taken. */
  constructor(want: () => void) {
    super({ allowHalfOpen: true });
    this.#want = want;
    // Parsers report through their own events; a stream error without a listener would end the process.
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.#want();
  }

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    done();
  }

  /** Bytes that no parser has taken. */
  takeRest(): Buffer[] {
    const rest: Buffer[] = [];
    for (let chunk: unknown = this.read(); chunk !== null; chunk = this.read()) if (Buffer.isBuffer(chunk)) rest.push(chunk);
    return rest;
  }
}
