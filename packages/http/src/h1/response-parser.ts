// Responses from bytes, each in the light of its request: RFC 9112 §4, §6.3.
import type { Field } from '../field/field.ts';
import type { FieldTable } from '../field/table.ts';
import { H1Error } from './h1-error.ts';
import { Framing } from './head-facts.ts';
import type { H1Limits } from './limits.ts';
import type { LineCache } from './line-cache.ts';
import { type BodyHandler, MessageParser } from './message-parser.ts';
import { parseStatusLine, type StatusLine } from './start-line.ts';

/** The head of a response as HTTP/1 sees it. */
export interface H1ResponseHead {
  readonly line: StatusLine;
  readonly fields: Field[];
  /** One of `Framing`. */
  readonly framing: number;
  /** The message ends with this head. */
  readonly ended: boolean;
  /** The connection may carry another exchange afterwards. */
  readonly persistent: boolean;
  readonly hopByHop: boolean;
}

export interface ResponseHandler extends BodyHandler {
  /** 1xx but 101. Any number before the response. */
  onInformational(head: H1ResponseHead): void;
  onResponseHead(head: H1ResponseHead): void;
  /** 101, or 2xx to CONNECT: bytes not taken by `receive` are the tunnel's. */
  onUpgrade(head: H1ResponseHead): void;
}

const PREFIX: Buffer = Buffer.from('HTTP/1.');

export class ResponseParser extends MessageParser {
  private readonly responses: ResponseHandler;
  private readonly lines: LineCache<StatusLine>;
  private current: StatusLine | undefined;
  private method = 'GET';
  private upgrade = false;

  constructor(handler: ResponseHandler, table: FieldTable, lines: LineCache<StatusLine>, limits: H1Limits) {
    super(handler, table, limits);
    this.responses = handler;
    this.lines = lines;
  }

  /** Says what the next response answers. */
  expect(method: string, upgrade: boolean): void {
    this.method = method;
    this.upgrade = upgrade;
  }

  protected checkStart(bytes: Buffer, start: number, end: number): void {
    for (let i = 0; i < PREFIX.length && start + i < end; i++) {
      if (bytes[start + i] !== PREFIX[i]) throw new H1Error('STATUS', 'not a status line');
    }
  }

  protected startLine(bytes: Buffer, start: number, end: number): void {
    let line = this.lines.find(bytes, start, end);
    if (line === undefined) {
      line = parseStatusLine(bytes.toString('latin1', start, end));
      this.lines.offer(bytes, start, end, line);
    }
    this.current = line;
  }

  protected headDone(): void {
    const { facts, current: line, method } = this;
    if (line === undefined) throw new H1Error('STATUS', 'fields without a status line');
    facts.checkFraming(line.version);
    const { status, version } = line;
    if (status < 200) {
      this.interim(line);
      return;
    }
    if (this.upgrade && method === 'CONNECT' && status < 300) {
      this.stop();
      this.responses.onUpgrade(this.head(line, Framing.none, true, false));
      return;
    }
    const bodiless = method === 'HEAD' || status === 204 || status === 304;
    const framing = bodiless ? Framing.none : facts.chunked ? Framing.chunked : facts.length >= 0 ? Framing.length : Framing.close;
    const ended = bodiless || (framing === Framing.length && facts.length === 0);
    this.responses.onResponseHead(this.head(line, framing, ended, framing !== Framing.close && facts.persistent(version)));
    this.beginBody(ended ? Framing.none : framing);
  }

  private interim(line: StatusLine): void {
    const head = this.head(line, Framing.none, true, true);
    if (line.status !== 101) {
      this.responses.onInformational(head);
      this.restart();
    } else if (this.upgrade && this.method !== 'CONNECT' && line.version === '1.1') {
      this.stop();
      this.responses.onUpgrade(head);
    } else throw new H1Error('UPGRADE', `unexpected 101 to ${this.method}`);
  }

  private head(line: StatusLine, framing: number, ended: boolean, persistent: boolean): H1ResponseHead {
    return { line, fields: this.fields, framing, ended, persistent, hopByHop: this.facts.hopByHop };
  }
}
