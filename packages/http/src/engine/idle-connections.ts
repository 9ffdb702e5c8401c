// HTTP/1 connections without a request, by target form and authority (spec/proxy.md §4.2). The one used last is taken first.
import type { EngineTimers } from '../exchange/timers.ts';
import type { H1UpstreamConnection } from './h1-upstream-connection.ts';

/** An idle connection lives for its time and up to a quarter more: one timer serves all. */
const TICKS = 4;

export class IdleConnections {
  private readonly origin = new Map<string, H1UpstreamConnection[]>();
  private readonly absolute = new Map<string, H1UpstreamConnection[]>();
  private readonly timers: EngineTimers;
  private readonly tickMs: number;
  private readonly max: number;
  private count = 0;
  private tick = 0;
  private cancelTick: (() => void) | null = null;

  constructor(timers: EngineTimers, lifeMs: number, max: number) {
    this.timers = timers;
    this.tickMs = Math.max(1, lifeMs / TICKS);
    this.max = max;
  }

  /** False when there are too many already. */
  add(connection: H1UpstreamConnection): boolean {
    if (this.count >= this.max) return false;
    const map = connection.absolute ? this.absolute : this.origin;
    let list = map.get(connection.authority);
    if (list === undefined) {
      list = [];
      map.set(connection.authority, list);
    }
    list.push(connection);
    connection.idle = true;
    connection.idleSince = this.tick;
    this.count += 1;
    this.cancelTick ??= this.timers.after(this.tickMs, () => this.onTick());
    return true;
  }

  /** undefined: none lives. */
  take(absolute: boolean, authority: string): H1UpstreamConnection | undefined {
    const list = (absolute ? this.absolute : this.origin).get(authority);
    if (list === undefined) return undefined;
    for (let last = list.pop(); last !== undefined; last = list.pop()) {
      last.idle = false;
      this.count -= 1;
      if (last.usable) return last;
      last.wire.destroy();
    }
    return undefined;
  }

  /** A connection that died. */
  remove(connection: H1UpstreamConnection): void {
    if (!connection.idle) return;
    const map = connection.absolute ? this.absolute : this.origin;
    const list = map.get(connection.authority);
    const at = list?.indexOf(connection) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    connection.idle = false;
    this.count -= 1;
    if (list.length === 0) map.delete(connection.authority);
  }

  closeAll(): void {
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

  private drop(isDue: (connection: H1UpstreamConnection) => boolean): void {
    for (const map of [this.origin, this.absolute]) {
      for (const [authority, list] of map) {
        const kept: H1UpstreamConnection[] = [];
        for (const connection of list) {
          if (!isDue(connection)) {
            kept.push(connection);
            continue;
          }
          connection.idle = false;
          this.count -= 1;
          connection.wire.destroy();
        }
        if (kept.length === 0) map.delete(authority);
        else map.set(authority, kept);
      }
    }
  }
}
