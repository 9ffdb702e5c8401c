// Keeps the beginning of a line until its end has come, so that a line is read in place when it came whole and copied once when not.
import { LF } from './byte-class.ts';

const SMALL = 256;

export class PartialLine {
  bytes: Buffer = EMPTY;
  length = 0;

  /** Takes bytes up to the first LF, or all of them. Returns where it stopped; complete when `endsLine`. */
  take(chunk: Buffer, start: number): number {
    const at = chunk.indexOf(LF, start);
    const end = at < 0 ? chunk.length : at + 1;
    const needed = this.length + end - start;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(SMALL, this.bytes.length * 2, needed));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    chunk.copy(this.bytes, this.length, start, end);
    this.length = needed;
    return end;
  }

  get endsLine(): boolean {
    return this.length > 0 && this.bytes[this.length - 1] === LF;
  }
}

const EMPTY = Buffer.alloc(0);
