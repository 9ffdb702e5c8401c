// Writes down what an HTTP/1 parser says, neighbouring pieces of a body joined.
import type { Field } from '../../src/field/field.ts';
import type { H1Error } from '../../src/h1/h1-error.ts';
import type { H1RequestHead } from '../../src/h1/request-parser.ts';
import type { H1ResponseHead } from '../../src/h1/response-parser.ts';

const text = (fields: readonly Field[] | null): string => (fields ?? []).map((field) => `${field.name}=${field.value}`).join('&');

export class Recorder {
  readonly events: string[] = [];
  private body = '';

  onRequestHead({ line, fields, authority, framing, upgrade, persistent }: H1RequestHead): void {
    this.say(
      `${line.method} ${line.form} ${line.scheme ?? ''} ${authority ?? ''} ${line.path} ${line.version} ${framing} ${upgrade} ${persistent} ${text(fields)}`,
    );
  }

  onResponseHead({ line, fields, framing, ended, persistent }: H1ResponseHead): void {
    this.say(`${line.version} ${line.status} ${line.reason} ${framing} ${ended} ${persistent} ${text(fields)}`);
  }

  onInformational(head: H1ResponseHead): void {
    this.say(`interim ${head.line.status} ${text(head.fields)}`);
  }

  onUpgrade(head: H1ResponseHead): void {
    this.say(`upgrade ${head.line.status}`);
  }

  onBody(chunk: Buffer): void {
    this.body += chunk.toString('latin1');
  }

  onMessageEnd(trailers: Field[] | null): void {
    this.say(`end ${text(trailers)}`);
  }

  onError(error: H1Error): void {
    this.say(`error ${error.code}`);
  }

  /** A body that has begun and not ended yet counts as well. */
  finish(): readonly string[] {
    this.flush();
    return this.events;
  }

  private say(event: string): void {
    this.flush();
    this.events.push(event);
  }

  private flush(): void {
    if (this.body !== '') this.events.push(`body ${this.body}`);
    this.body = '';
  }
}
