// The stream that Node's HTTP/2 sessions are put on. It passes bytes through, ends both sides at once, and watches what the session
// writes: after some errors (HPACK, frames on idle streams) nghttp2 sends GOAWAY and stops, and Node neither says so nor reads on.
import { Duplex } from 'node:stream';
import type { Link } from '../exchange/engine.ts';
import { sendAtOnce } from './link-reader.ts';

export class SessionLink extends Duplex {
  /** Why the connection failed, once it has. */
  failure: Error | undefined;
  readonly #link: Link;
  readonly #scanner: GoAwayScanner;
  #writing = false;
  /** Chunks that wait for their turn. */
  #later = 0;

  /** `prefaceBytes` come before the first frame that the session writes: 24 for a client, none for a server. */
  constructor(link: Link, prefaceBytes: number) {
    super({ allowHalfOpen: false });
    this.#link = link;
    this.#scanner = new GoAwayScanner(prefaceBytes);
    link.allowHalfOpen = false;
    sendAtOnce(link);
    link.on('data', (chunk: Buffer) => {
      // A session must not be given bytes from within its own write, as a link in memory would: Node aborts the process over it.
      if (this.#writing || this.#later > 0) {
        this.#later += 1;
        setImmediate(() => {
          this.#later -= 1;
          this.#take(chunk);
        });
      } else this.#take(chunk);
    });
    link.on('error', (error) => {
      this.failure ??= error;
    });
    link.once('end', () => setImmediate(() => link.destroy()));
    link.once('close', () => {
      this.failure ??= new Error('connection closed');
      this.destroy();
    });
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.#link.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const code = this.#scanner.scan(chunk);
    if (this.#link.destroyed) {
      done();
      return;
    }
    this.#writing = true;
    this.#link.write(chunk, () => this.#written(code, done));
    this.#writing = false;
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    const whole = Buffer.concat(chunks.map(({ chunk }) => chunk));
    this._write(whole, 'latin1', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#link.destroyed) done();
    else this.#link.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#link.destroy(error ?? undefined);
    done(error);
  }

  #take(chunk: Buffer): void {
    if (!this.destroyed && !this.push(chunk)) this.#link.pause();
  }

  #written(code: number | undefined, done: () => void): void {
    done();
    if (code === undefined || code === 0) return;
    this.failure ??= new Error(`session ended with http/2 error ${code}`);
    this.#link.destroy();
  }
}

const HEADER_BYTES = 9;
const GOAWAY = 7;
/** Last stream and error code. */
const GOAWAY_BYTES = 8;

/** Follows frame boundaries in written bytes and reports the error code of a GOAWAY. RFC 9113 §4.1, §6.8. */
class GoAwayScanner {
  /** Bytes to pass over before the next header. */
  #skip: number;
  /** A header, and for GOAWAY the start of its payload. */
  readonly #head = Buffer.alloc(HEADER_BYTES + GOAWAY_BYTES);
  #filled = 0;

  constructor(skip: number) {
    this.#skip = skip;
  }

  scan(chunk: Buffer): number | undefined {
    let code: number | undefined;
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at);
        this.#skip -= passed;
        at += passed;
        continue;
      }
      const want = this.#filled >= HEADER_BYTES ? HEADER_BYTES + GOAWAY_BYTES : HEADER_BYTES;
      const copied = chunk.copy(this.#head, this.#filled, at, Math.min(chunk.length, at + want - this.#filled));
      this.#filled += copied;
      at += copied;
      if (this.#filled < want) break;
      const length = this.#head.readUIntBE(0, 3);
      if (want === HEADER_BYTES && this.#head[3] === GOAWAY) continue;
      if (want > HEADER_BYTES) code = this.#head.readUInt32BE(HEADER_BYTES + 4);
      this.#skip = length - (this.#filled - HEADER_BYTES);
      this.#filled = 0;
    }
    return code;
  }
}
