// Sessions on a manual clock: one alone against bytes, or a client and a server joined in memory.
import { FieldTable } from '../../src/field/table.ts';
import { Http2Session, type Http2SessionOptions } from '../../src/h2/session.ts';
import { clientHello, FrameLog, settings, settingsAck } from './frames.ts';
import { Recorder } from './recorder.ts';

export type Overrides = Partial<Omit<Http2SessionOptions<string>, 'role' | 'handler'>>;

export class ManualTime {
  private ms = 0;
  now = (): number => this.ms;
  advance(ms: number): void {
    this.ms += ms;
  }
}

export function session(role: 'client' | 'server', handler: Recorder, overrides: Overrides): Http2Session<string> {
  const made = new Http2Session<string>({ role, handler, fields: new FieldTable(), clock: new ManualTime(), ...overrides });
  handler.session = made;
  return made;
}

/** Everything a session has to say. */
export function drainOutput(from: Http2Session<string>): Buffer {
  const parts: Buffer[] = [];
  for (let part = from.takeOutput(); part !== null; part = from.takeOutput()) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** One session that has exchanged SETTINGS with a peer made of bytes. */
export class Lone {
  readonly recorder = new Recorder();
  readonly time = new ManualTime();
  readonly session: Http2Session<string>;
  private readonly log: FrameLog;

  constructor(role: 'client' | 'server', overrides: Overrides = {}, greet = true) {
    this.session = session(role, this.recorder, { clock: this.time, ...overrides });
    this.log = new FrameLog(role === 'client');
    if (!greet) return;
    this.give(role === 'server' ? clientHello : Buffer.concat([settings(), settingsAck]));
    this.recorder.take();
  }

  /** Receives bytes and returns the frames written meanwhile. */
  give(...bytes: Buffer[]): string[] {
    this.session.receive(Buffer.concat(bytes));
    return this.frames();
  }

  frames(): string[] {
    return this.log.read(drainOutput(this.session));
  }
}

/** A client and a server, each the other's transport. */
export class Pair {
  readonly time = new ManualTime();
  readonly atClient = new Recorder();
  readonly atServer = new Recorder();
  readonly client: Http2Session<string>;
  readonly server: Http2Session<string>;

  constructor(client: Overrides = {}, server: Overrides = {}) {
    this.client = session('client', this.atClient, { clock: this.time, ...client });
    this.server = session('server', this.atServer, { clock: this.time, ...server });
    this.pump();
    this.atClient.take();
    this.atServer.take();
  }

  /** Carries octets until both are silent. */
  pump(): void {
    for (;;) {
      const up = drainOutput(this.client);
      const down = drainOutput(this.server);
      if (up.length === 0 && down.length === 0) return;
      if (up.length > 0) this.server.receive(up);
      if (down.length > 0) this.client.receive(down);
    }
  }
}
