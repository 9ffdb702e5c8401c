// What time does to a session: SETTINGS that are never acknowledged, keep-alive by PING, drains that are not answered, payload that nobody
// makes room for. RFC 9113 §6.5.3 and §6.7. Driven from outside by `tick`, so that the path of frames never looks at a clock.
import { type Connection, PATH_PING } from './connection.ts';
import { Http2Error } from './http2-error.ts';
import { ErrorCode } from './protocol.ts';

export interface KeepAlive {
  /** Silence of the peer after which a PING is sent. */
  readonly intervalMs: number;
  /** Wait for any sign of life after it. */
  readonly timeoutMs: number;
  /** Also while no stream is open. */
  readonly whileIdle: boolean;
}

const KEEP_ALIVE_PING: Buffer = Buffer.from('weftlive', 'latin1');
const DRAIN_PING: Buffer = Buffer.from('weftgone', 'latin1');

export class Liveness<C> {
  /** Set whenever octets came. */
  heard = true;
  private readonly connection: Connection<C>;
  private readonly keepAlive: KeepAlive | null;
  private readonly startedAt: number;
  private heardAt: number;
  private pingAt = -1;
  private drainAt = -1;

  constructor(connection: Connection<C>, keepAlive: KeepAlive | null) {
    this.connection = connection;
    this.keepAlive = keepAlive;
    this.startedAt = connection.clock.now();
    this.heardAt = this.startedAt;
  }

  tick(): void {
    const now = this.connection.clock.now();
    this.awaitSettings(now);
    if (this.keepAlive !== null) this.ping(this.keepAlive, now);
    this.resetStalled(now);
    if (this.drainAt >= 0 && now - this.drainAt >= this.connection.limits.settingsTimeoutMs) this.drained();
  }

  /** PING was acknowledged. */
  pong(bytes: Buffer, start: number): void {
    const { path } = this.connection;
    if (path !== null && bytes.compare(PATH_PING, 0, 8, start, start + 8) === 0 && path.answered()) this.connection.widen(path);
    if (this.drainAt >= 0 && bytes.compare(DRAIN_PING, 0, 8, start, start + 8) === 0) this.drained();
  }

  /** Asks for a sign that the announced GOAWAY has arrived. */
  announceDrain(): void {
    this.drainAt = this.connection.clock.now();
    this.connection.writePing(false, DRAIN_PING, 0);
  }

  private drained(): void {
    const { connection } = this;
    this.drainAt = -1;
    if (connection.drainState !== 'announced') return;
    connection.drainState = 'final';
    connection.acceptedId = connection.lastId;
    connection.writeGoaway(connection.lastId, ErrorCode.noError, '');
    connection.finishIfDone();
  }

  private awaitSettings(now: number): void {
    const { connection } = this;
    if (!connection.settingsAcked && now - this.startedAt >= connection.limits.settingsTimeoutMs) {
      throw new Http2Error(ErrorCode.settingsTimeout, 'SETTINGS were not acknowledged');
    }
  }

  private ping(keepAlive: KeepAlive, now: number): void {
    if (this.heard) {
      this.heard = false;
      this.heardAt = now;
      this.pingAt = -1;
    }
    if (this.pingAt >= 0) {
      if (now - this.pingAt >= keepAlive.timeoutMs) throw new Http2Error(ErrorCode.noError, 'keep-alive timed out');
    } else if (now - this.heardAt >= keepAlive.intervalMs && (keepAlive.whileIdle || this.connection.streams.size > 0)) {
      this.pingAt = now;
      this.connection.writePing(false, KEEP_ALIVE_PING, 0);
    }
  }

  private resetStalled(now: number): void {
    const { connection } = this;
    for (const stream of connection.sendFlow.waiting) {
      if (stream.stalledSince === 0) stream.stalledSince = now;
      else if (now - stream.stalledSince >= connection.limits.stallMs) connection.streamError(stream, ErrorCode.cancel);
    }
  }
}
