// A session of ours and one of Node's, joined in memory by a network that cuts at random.
import http2, { type ClientHttp2Session, type ServerHttp2Session } from 'node:http2';
import { Duplex } from 'node:stream';
import { type Random, randomInt } from '@weft/core';
import type { SessionEnd } from './session-end.ts';

/** Node's end of the wire. */
class Wire extends Duplex {
  private readonly onBytes: (bytes: Buffer) => void;

  constructor(onBytes: (bytes: Buffer) => void) {
    super();
    this.onBytes = onBytes;
    this.on('error', () => undefined);
  }
  override _read(): void {
    // All is pushed.
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.onBytes(chunk);
    done();
  }
}

export interface NodePairOptions {
  readonly ours: SessionEnd;
  readonly random: Random;
  readonly settings: http2.Settings;
  readonly padded: boolean;
}

export class NodePair {
  readonly wire: Wire;
  private readonly options: NodePairOptions;
  /** What Node wrote and has not arrived yet. */
  private readonly arriving: Buffer[] = [];

  constructor(options: NodePairOptions) {
    this.options = options;
    this.wire = new Wire((bytes) => void this.arriving.push(Buffer.from(bytes)));
  }

  client(): ClientHttp2Session {
    const { settings, padded } = this.options;
    const { PADDING_STRATEGY_MAX, PADDING_STRATEGY_NONE } = http2.constants;
    return http2.connect('http://a', {
      createConnection: () => this.wire,
      settings,
      paddingStrategy: padded ? PADDING_STRATEGY_MAX : PADDING_STRATEGY_NONE,
    });
  }

  server(onSession: (session: ServerHttp2Session) => void): void {
    const { settings, padded } = this.options;
    const { PADDING_STRATEGY_MAX, PADDING_STRATEGY_NONE } = http2.constants;
    const server = http2.createServer({ settings, paddingStrategy: padded ? PADDING_STRATEGY_MAX : PADDING_STRATEGY_NONE });
    server.on('session', onSession);
    server.on('sessionError', () => undefined);
    server.emit('connection', this.wire);
  }

  /** Carries what there is in both directions; false when there was nothing. */
  carry(): boolean {
    const { ours, random } = this.options;
    const longest = [7, 300, 5_000, 60_000][randomInt(random, 4)] ?? 300;
    const cut = (bytes: Buffer, give: (piece: Buffer) => void): void => {
      const least = bytes.length > 2_000 ? 500 : 1;
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + least + randomInt(random, longest));
        give(bytes.subarray(at, end));
        at = end;
      }
    };
    const down = Buffer.concat(this.arriving.splice(0));
    cut(down, (piece) => ours.session.receive(piece));
    const up = ours.output();
    if (!this.wire.destroyed) cut(up, (piece) => this.wire.push(piece));
    return down.length > 0 || up.length > 0;
  }
}
