// A handler that writes down what its session tells it, neighbouring parts of a payload joined, and grants credit unless told to hold it.
import type { Field } from '../../src/field/field.ts';
import type { Http2Handler } from '../../src/h2/handler.ts';
import type { Http2Session } from '../../src/h2/session.ts';
import type { Http2Stream } from '../../src/h2/stream.ts';

export type Stream = Http2Stream<string>;

const text = (fields: readonly Field[]): string => fields.map((field) => `${field.name}=${field.value}`).join('&');

export class Recorder implements Http2Handler<string> {
  readonly events: string[] = [];
  readonly streams = new Map<number, Stream>();
  readonly bodies = new Map<number, Buffer[]>();
  session: Http2Session<string> | null = null;
  /** Keep what is delivered instead of granting it. */
  holds = false;
  /** Called for each head, after it was written down. */
  answer: ((stream: Stream, fields: Field[], endStream: boolean) => void) | null = null;

  body(id: number): string {
    return Buffer.concat(this.bodies.get(id) ?? []).toString('latin1');
  }

  onHeaders: Http2Handler<string>['onHeaders'] = (stream, fields, endStream) => {
    this.streams.set(stream.id, stream);
    this.say(`headers ${stream.id} ${text(fields)}${endStream ? ' end' : ''}`);
    this.answer?.(stream, fields, endStream);
  };

  onInformational: Http2Handler<string>['onInformational'] = (stream, status, fields) => {
    this.say(`interim ${stream.id} ${status} ${text(fields)}`);
  };

  onHeadersTooLarge: Http2Handler<string>['onHeadersTooLarge'] = (stream, excess, endStream) => {
    this.streams.set(stream.id, stream);
    this.say(`too-large ${stream.id} ${excess.largestName} ${excess.largestBytes} of ${excess.bytes} in ${excess.fields}${endStream ? ' end' : ''}`);
  };

  onData: Http2Handler<string>['onData'] = (stream, bytes, start, end, endStream) => {
    const parts = this.bodies.get(stream.id) ?? [];
    parts.push(Buffer.from(bytes.subarray(start, end)));
    this.bodies.set(stream.id, parts);
    if (endStream) this.say(`end ${stream.id}`);
    if (!this.holds) this.session?.grantCredit(stream, end - start);
  };

  onTrailers: Http2Handler<string>['onTrailers'] = (stream, fields) => this.say(`trailers ${stream.id} ${text(fields)}`);
  onReset: Http2Handler<string>['onReset'] = (stream, code, cause) => this.say(`reset ${stream.id} ${code} ${cause}`);
  onSent: Http2Handler<string>['onSent'] = (stream, bytes) => this.say(`sent ${stream.id} ${bytes}`);
  onClosed: Http2Handler<string>['onClosed'] = (stream) => this.say(`closed ${stream.id}`);
  onSettings: Http2Handler<string>['onSettings'] = () => this.say('settings');
  onGoaway: Http2Handler<string>['onGoaway'] = (lastId, code, debug) => this.say(`goaway ${lastId} ${code} ${debug}`);
  onFinished: Http2Handler<string>['onFinished'] = () => this.say('finished');
  onFailed: Http2Handler<string>['onFailed'] = (error) => this.say(`failed ${error.code}`);

  /** What was written down since the last call. */
  take(): string[] {
    return this.events.splice(0);
  }

  private say(event: string): void {
    this.events.push(event);
  }
}
