// When what was written leaves: at the end of the turn's event for a lone exchange, once a turn where many share a connection (design.md §4).
// The buffers that are filled meanwhile are kept here and used again.

/** What can be flushed. */
export interface Flushable {
  /** Many exchanges share it: one write a turn serves them all. */
  readonly crowded: boolean;
  flush(): void;
}

export const FILL_BYTES = 16 * 1024;
const MAX_SPARE = 64;

export class Flusher {
  private waiting: Flushable[] = [];
  private crowded: Flushable[] = [];
  private depth = 0;
  private tickScheduled = false;
  private turnScheduled = false;
  private readonly spare: Buffer[] = [];
  private lent: Buffer | null = null;
  private returned: Buffer | null = null;
  private readonly onTick = (): void => {
    this.tickScheduled = false;
    this.run();
  };
  private readonly onTurn = (): void => {
    this.turnScheduled = false;
    const { crowded } = this;
    this.crowded = [];
    for (const one of crowded) one.flush();
  };

  /** An event of a socket begins: what is written until `leave` goes out together. */
  enter(): void {
    this.depth += 1;
  }

  leave(): void {
    this.depth -= 1;
    if (this.depth === 0 && this.waiting.length > 0) this.run();
  }

  /** Something was written. Called once until it is flushed. */
  mark(one: Flushable): void {
    this.waiting.push(one);
    if (this.depth > 0 || this.tickScheduled) return;
    this.tickScheduled = true;
    process.nextTick(this.onTick);
  }

  /** What was read may be overwritten once `written` has told of it: until `takeBack` nobody else is to keep it. */
  lend(chunk: Buffer): void {
    this.lent = chunk;
  }

  /** These bytes have left for good. */
  written(bytes: Buffer): void {
    const { lent } = this;
    if (lent === null || bytes.buffer !== lent.buffer || bytes.byteOffset !== lent.byteOffset || bytes.length !== lent.length) return;
    this.returned = lent;
    this.lent = null;
  }

  /** Whether all of what was lent has left, in one piece. */
  takeBack(chunk: Buffer): boolean {
    const done = this.returned === chunk;
    this.lent = null;
    this.returned = null;
    return done;
  }

  takeBuffer(): Buffer {
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(FILL_BYTES);
  }

  /** Gives a buffer back that nobody reads any more. */
  giveBuffer(buffer: Buffer): void {
    if (this.spare.length < MAX_SPARE) this.spare.push(buffer);
  }

  private run(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const one of waiting) {
      if (one.crowded) this.crowded.push(one);
      else one.flush();
    }
    if (this.crowded.length === 0 || this.turnScheduled) return;
    this.turnScheduled = true;
    setImmediate(this.onTurn);
  }
}
