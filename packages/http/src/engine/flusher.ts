// When what was written leaves: at the end of the turn's event for a lone exchange, once a turn where many share a connection (design.md §4), and
// once a turn where many connections are busy: their peers sleep between two messages, and writes that follow each other wake fewer of them.
// What is filled meanwhile is kept here and used again.
import { Output } from './output.ts';
import { Places } from './places.ts';

/** What can be flushed. */
export interface Flushable {
  /** Many exchanges share it: one write a turn serves them all. */
  readonly crowded: boolean;
  flush(): void;
}

const MAX_SPARE = 64;
/** With fewer connections their peers are awake anyway, and do their part while this side goes on. */
const MANY_CONNECTIONS = 128;
/** Writes from which on a turn is a busy one; one with fewer than half as many no longer is. */
const BUSY = 8;
/** While writes leave at once, after one in so many the turn that follows is watched. */
const WATCHED = 64;

export class Flusher {
  /** What the event wrote to; most events write to one. */
  private first: Flushable | null = null;
  private others: Flushable[] = [];
  /** What leaves at the end of the turn. */
  private later: Flushable[] = [];
  private depth = 0;
  private tickScheduled = false;
  private turnScheduled = false;
  /** Connections that write here. */
  private connections = 0;
  private busy = false;
  /** Writes that left at once. */
  private atOnce = 0;
  /** What is written to and not flushed. */
  readonly outputs = new Places<Output>();
  private readonly spare: Output[] = [];
  private lent: Buffer | null = null;
  private returned: Buffer | null = null;
  private readonly onTick = (): void => {
    this.tickScheduled = false;
    this.run();
  };
  private readonly onTurn = (): void => {
    this.turnScheduled = false;
    const { later } = this;
    this.later = [];
    if (later.length < BUSY / 2 || this.connections < MANY_CONNECTIONS) this.busy = false;
    for (const one of later) one.flush();
  };

  opened(): void {
    this.connections += 1;
  }

  closed(): void {
    this.connections -= 1;
  }

  /** An event of a socket begins: what is written until `leave` goes out together. */
  enter(): void {
    this.depth += 1;
  }

  leave(): void {
    this.depth -= 1;
    if (this.depth === 0 && this.first !== null) this.run();
  }

  /** Something was written. Called once until it is flushed. */
  mark(one: Flushable): void {
    if (this.first === null) this.first = one;
    else this.others.push(one);
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

  /** An empty one; where among `outputs`. */
  openOutput(): number {
    return this.outputs.put(this.spare.pop() ?? new Output());
  }

  /** Gives back one of which nobody reads any more. */
  giveOutput(output: Output): void {
    if (this.spare.length === MAX_SPARE) return;
    output.reset();
    this.spare.push(output);
  }

  private run(): void {
    const { first, others } = this;
    if (first === null) return;
    this.first = null;
    this.send(first);
    if (others.length > 0) {
      this.others = [];
      for (const one of others) this.send(one);
    }
    if (this.later.length === 0 || this.turnScheduled) return;
    this.turnScheduled = true;
    setImmediate(this.onTurn);
  }

  private send(one: Flushable): void {
    if (this.busy || one.crowded) {
      this.later.push(one);
      return;
    }
    one.flush();
    this.watch();
  }

  private watch(): void {
    this.atOnce += 1;
    if (this.connections < MANY_CONNECTIONS || this.atOnce % WATCHED !== 0) return;
    setImmediate(() => {
      const { atOnce } = this;
      setImmediate(() => {
        this.busy = this.atOnce - atOnce >= BUSY;
      });
    });
  }
}
