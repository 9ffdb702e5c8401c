// A long stream whose bytes tell their place: what is lost, doubled, swapped or overwritten on the way shows where.
import { seeded } from '@weft/core';

/** A prime, so that no buffer size divides it. */
const PERIOD = 65_521;
const PIECE = 64 * 1024;
const BURST = 1024 * 1024;

const pattern = Buffer.alloc(PERIOD + PIECE);
const random = seeded(4);
for (let i = 0; i < pattern.length; i++) pattern[i] = i < PERIOD ? Math.floor(random.next() * 256) : (pattern[i - PERIOD] ?? 0);

interface Writer {
  write(chunk: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  end(): unknown;
}

interface Reader {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Writes `total` bytes as fast as the writer lets it. */
export class Source {
  written = 0;
  readonly #to: Writer;
  readonly #total: number;

  constructor(to: Writer, total: number) {
    this.#to = to;
    this.#total = total;
    this.#fill();
  }

  #fill(): void {
    while (this.written < this.#total) {
      const start = this.written % PERIOD;
      const piece = pattern.subarray(start, start + Math.min(PIECE, this.#total - this.written));
      this.written += piece.length;
      if (!this.#to.write(piece)) {
        this.#to.once('drain', () => this.#fill());
        return;
      }
    }
    this.#to.end();
  }
}

/** Reads in bursts, with a turn of the loop between them, and compares. */
export class Sink {
  received = 0;
  /** Place of the first byte that is not what was written there. */
  wrongAt: number | undefined;
  #burst = 0;
  #head: string | undefined;

  /** `afterHead`: an HTTP/1 head comes first. */
  constructor(afterHead = false) {
    if (afterHead) this.#head = '';
  }

  read(from: Reader): void {
    from.on('data', (chunk) => {
      this.#take(this.#head === undefined ? chunk : this.#skipHead(this.#head, chunk));
      this.#burst += chunk.length;
      if (this.#burst < BURST) return;
      this.#burst = 0;
      from.pause();
      setImmediate(() => from.resume());
    });
    from.resume();
  }

  #skipHead(before: string, chunk: Buffer): Buffer {
    const text = before + chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    this.#head = end < 0 ? text : undefined;
    return end < 0 ? chunk.subarray(chunk.length) : chunk.subarray(end + 4 - before.length);
  }

  #take(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      const start = this.received % PERIOD;
      const length = Math.min(PIECE, chunk.length - from);
      if (chunk.compare(pattern, start, start + length, from, from + length) !== 0) this.wrongAt ??= this.received;
      this.received += length;
      from += length;
    }
  }
}
