// Bytes both ways after an upgrade or CONNECT, each direction ending on its own (spec/proxy.md §4.3).
import type { Wire } from './wire.ts';
import type { WireOwner } from './wire-owner.ts';

/** A connection that became bytes; `rest` was read beyond the head. */
export interface TunnelEnd {
  readonly wire: Wire;
  readonly rest: Buffer | null;
  /** Told when the connection is closed. */
  closed(): void;
}

export interface TunnelCounts {
  /** From the client. */
  readonly bytesRead: number;
  /** To the client. */
  readonly bytesWritten: number;
}

class Direction implements WireOwner {
  readonly crowded = false;
  bytes = 0;
  ended = false;
  readonly end: TunnelEnd;
  to: Direction | undefined;
  private readonly onEnd: () => void;
  private readonly onBroken: () => void;

  constructor(end: TunnelEnd, onEnd: () => void, onBroken: () => void) {
    this.end = end;
    this.onEnd = onEnd;
    this.onBroken = onBroken;
  }

  start(): void {
    const { wire, rest } = this.end;
    wire.owner = this;
    wire.beTunnel();
    wire.lend();
    if (rest !== null) this.wireData(rest);
    if (wire.closed) this.wireClosed();
    else if (wire.ended) this.wireEnd();
    else wire.resume();
  }

  wireData(chunk: Buffer): void {
    const target = this.to?.end.wire;
    this.bytes += chunk.length;
    if (target === undefined || !target.writable) return;
    target.bytes(chunk);
    if (!target.crowded) target.flush();
    if (target.congested) this.end.wire.pause();
  }

  wireDrained(): void {
    this.to?.end.wire.resume();
  }

  wireEnd(): void {
    if (this.ended) return;
    this.ended = true;
    const target = this.to?.end.wire;
    if (target === undefined || target.link.destroyed) this.onEnd();
    else {
      target.link.once('finish', this.onEnd);
      target.end();
    }
  }

  wireClosed(): void {
    // An orderly close leaves what was read before to be delivered.
    if (!this.ended || !this.end.wire.link.writableFinished) this.onBroken();
    this.end.closed();
  }
}

/** `done` is called once, when both directions have ended or either end broke. */
export function runTunnel(client: TunnelEnd, server: TunnelEnd, done: (counts: TunnelCounts) => void): void {
  let open = 2;
  let finished = false;
  const finish = (): void => {
    if (finished) return;
    finished = true;
    done({ bytesRead: up.bytes, bytesWritten: down.bytes });
    client.wire.link.destroy();
    server.wire.link.destroy();
  };
  const ended = (): void => {
    open -= 1;
    if (open === 0) finish();
  };
  const up = new Direction(client, ended, finish);
  const down = new Direction(server, ended, finish);
  up.to = down;
  down.to = up;
  up.start();
  down.start();
}
