// HTTP/1 connections of an upstream: how many requests are under way, and the connections without one, by target form and authority (spec/proxy.md
// §4.2). The one used last is taken first, but for one request in each tick of the clock: the one that has waited longest has its turn. So what an upstream needs
// now and then is not closed and opened again for as long as there are requests, a few connections at most: the others are closed when their time is over.
import type { H1UpstreamConnection } from './h1-upstream-connection.ts';
import type { IdleClock, IdlePool } from './idle-clock.ts';

/** By authority, the one used last at the end. */
type Shelf = Map<string, H1UpstreamConnection[]>;

/** What an upstream is based on: among a thousand of them one that is an object of its own would have to be fetched as well. */
export abstract class ConnectionPool implements IdlePool {
  inFlight = 0;
  /** Nothing is kept or taken any more. */
  protected closed = false;
  /** The one that is next: it was idle last, or has its turn. It stays here while it is in use: most pools never have another one, and what is not written need not be fetched. */
  private last: H1UpstreamConnection | undefined;
  private count = 0;
  private readonly max: number;
  private readonly clock: IdleClock;
  /** The clock asks. */
  private timed = false;
  private origin: Shelf | null = null;
  private absolute: Shelf | null = null;

  constructor(clock: IdleClock, max: number) {
    this.clock = clock;
    this.max = max;
  }

  /** The clock's call. */
  expire(): boolean {
    this.drop(false);
    this.rotate();
    this.timed = this.count > 0;
    return this.timed;
  }

  /** False when there are too many already, or none is wanted. */
  protected keepIdle(connection: H1UpstreamConnection): boolean {
    if (this.closed || this.count >= this.max) return false;
    const { last } = this;
    if (last !== connection) {
      if (last?.idle === true) this.shelve(last);
      this.last = connection;
    }
    connection.idle = true;
    connection.idleSince = this.clock.now;
    this.count += 1;
    if (this.timed) return true;
    this.timed = true;
    this.clock.add(this);
    return true;
  }

  /** undefined: none lives. */
  protected takeIdle(absolute: boolean, authority: string): H1UpstreamConnection | undefined {
    const { last: newest } = this;
    if (newest?.idle === true && newest.absolute === absolute && newest.authority === authority) {
      this.gone(newest);
      if (newest.usable) return newest;
      newest.destroy();
    }
    const list = this.shelf(absolute)?.get(authority);
    if (list === undefined) return undefined;
    for (let last = list.pop(); last !== undefined; last = list.pop()) {
      this.gone(last);
      if (last.usable) return last;
      last.destroy();
    }
    return undefined;
  }

  /** A connection that died, idle or not. */
  protected forget(connection: H1UpstreamConnection): void {
    const { idle } = connection;
    if (idle) this.gone(connection);
    if (this.last === connection) {
      this.last = undefined;
      return;
    }
    if (!idle) return;
    const shelf = this.shelf(connection.absolute);
    const list = shelf?.get(connection.authority);
    const at = list?.indexOf(connection) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) shelf?.delete(connection.authority);
  }

  protected closeIdle(): void {
    this.closed = true;
    this.drop(true);
    if (this.timed) this.clock.delete(this);
    this.timed = false;
  }

  private shelf(absolute: boolean): Shelf | null {
    return absolute ? this.absolute : this.origin;
  }

  /** Above those that were used before. */
  private shelve(connection: H1UpstreamConnection): void {
    const shelf = connection.absolute ? (this.absolute ??= new Map()) : (this.origin ??= new Map());
    const list = shelf.get(connection.authority);
    if (list === undefined) shelf.set(connection.authority, [connection]);
    else list.push(connection);
  }

  private gone(connection: H1UpstreamConnection): void {
    connection.idle = false;
    this.count -= 1;
  }

  /** The one that has waited longest is next. */
  private rotate(): void {
    const { last } = this;
    if (last?.idle !== true) return;
    const oldest = this.shelf(last.absolute)?.get(last.authority)?.shift();
    if (oldest === undefined) return;
    this.shelve(last);
    this.last = oldest;
  }

  /** Lets go of those that have lived their time, or of all. */
  private drop(all: boolean): void {
    const { last, clock } = this;
    if (last?.idle === true && (all || clock.isDue(last.idleSince))) {
      this.last = undefined;
      this.gone(last);
      last.destroy();
    }
    if (this.origin !== null) this.dropFrom(this.origin, all);
    if (this.absolute !== null) this.dropFrom(this.absolute, all);
  }

  private dropFrom(shelf: Shelf, all: boolean): void {
    for (const [authority, list] of shelf) {
      const kept: H1UpstreamConnection[] = [];
      for (const connection of list) {
        if (!all && !this.clock.isDue(connection.idleSince)) {
          kept.push(connection);
          continue;
        }
        this.gone(connection);
        connection.destroy();
      }
      if (kept.length === 0) shelf.delete(authority);
      else shelf.set(authority, kept);
    }
  }
}
