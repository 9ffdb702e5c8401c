// HTTP/1 connections of an upstream: how many requests are under way, and the connections without one, by target form and authority (spec/proxy.md
// §4.2). The one used last is taken first.
import type { EngineTimers } from '../exchange/timers.ts';
import type { H1UpstreamConnection } from './h1-upstream-connection.ts';

/** An idle connection lives for its time and up to a quarter more: one timer serves all. */
const TICKS = 4;

/** What an upstream is based on: among a thousand of them one that is an object of its own would have to be fetched as well. */
export abstract class ConnectionPool {
  inFlight = 0;
  /** Nothing is kept or taken any more. */
  protected closed = false;
  /** The one used last, while it is idle. Of most pools it is all there is, so that their maps stay untouched. */
  private last: H1UpstreamConnection | undefined;
  private count = 0;
  private tick = 0;
  private cancelTick: (() => void) | null = null;
  private readonly max: number;
  private readonly origin = new Map<string, H1UpstreamConnection[]>();
  private readonly absolute = new Map<string, H1UpstreamConnection[]>();
  private readonly timers: EngineTimers;
  private readonly tickMs: number;

  constructor(timers: EngineTimers, lifeMs: number, max: number) {
    this.timers = timers;
    this.tickMs = Math.max(1, lifeMs / TICKS);
    this.max = max;
  }

  /** False when there are too many already, or none is wanted. */
  protected keepIdle(connection: H1UpstreamConnection): boolean {
    if (this.closed || this.count >= this.max) return false;
    if (this.last !== undefined) this.shelve(this.last);
    this.last = connection;
    connection.idle = true;
    connection.idleSince = this.tick;
    this.count += 1;
    this.cancelTick ??= this.timers.after(this.tickMs, () => this.onTick());
    return true;
  }

  /** undefined: none lives. */
  protected takeIdle(absolute: boolean, authority: string): H1UpstreamConnection | undefined {
    const { last: newest } = this;
    if (newest !== undefined && newest.absolute === absolute && newest.authority === authority) {
      this.last = undefined;
      this.gone(newest);
      if (newest.usable) return newest;
      newest.destroy();
    }
    const list = (absolute ? this.absolute : this.origin).get(authority);
    if (list === undefined) return undefined;
    for (let last = list.pop(); last !== undefined; last = list.pop()) {
      this.gone(last);
      if (last.usable) return last;
      last.destroy();
    }
    return undefined;
  }

  /** A connection that died. */
  protected removeIdle(connection: H1UpstreamConnection): void {
    if (!connection.idle) return;
    if (this.last === connection) {
      this.last = undefined;
      this.gone(connection);
      return;
    }
    const map = connection.absolute ? this.absolute : this.origin;
    const list = map.get(connection.authority);
    const at = list?.indexOf(connection) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    this.gone(connection);
    if (list.length === 0) map.delete(connection.authority);
  }

  protected closeIdle(): void {
    this.closed = true;
    this.drop(() => true);
    this.cancelTick?.();
    this.cancelTick = null;
  }

  private onTick(): void {
    this.tick += 1;
    this.cancelTick = null;
    this.drop((connection) => this.tick - connection.idleSince > TICKS);
    if (this.count > 0) this.cancelTick = this.timers.after(this.tickMs, () => this.onTick());
  }

  /** Into the maps, above those that were used before. */
  private shelve(connection: H1UpstreamConnection): void {
    const map = connection.absolute ? this.absolute : this.origin;
    const list = map.get(connection.authority);
    if (list === undefined) map.set(connection.authority, [connection]);
    else list.push(connection);
  }

  private gone(connection: H1UpstreamConnection): void {
    connection.idle = false;
    this.count -= 1;
  }

  private drop(isDue: (connection: H1UpstreamConnection) => boolean): void {
    const { last } = this;
    if (last !== undefined && isDue(last)) {
      this.last = undefined;
      this.gone(last);
      last.destroy();
    }
    for (const map of [this.origin, this.absolute]) {
      for (const [authority, list] of map) {
        const kept: H1UpstreamConnection[] = [];
        for (const connection of list) {
          if (!isDue(connection)) {
            kept.push(connection);
            continue;
          }
          this.gone(connection);
          connection.destroy();
        }
        if (kept.length === 0) map.delete(authority);
        else map.set(authority, kept);
      }
    }
  }
}
