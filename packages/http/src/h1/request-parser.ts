// Requests from bytes: RFC 9112 §3, spec/proxy.md §4.3.
import type { Field } from '../field/field.ts';
import type { FieldTable } from '../field/table.ts';
import { BYTE_CLASS, SP, TOKEN } from './byte-class.ts';
import { H1Error } from './h1-error.ts';
import { Framing } from './head-facts.ts';
import type { H1Limits } from './limits.ts';
import type { LineCache } from './line-cache.ts';
import { type BodyHandler, MessageParser } from './message-parser.ts';
import { parseRequestLine, type RequestLine, versionOf } from './start-line.ts';

/** The head of a request as HTTP/1 sees it. */
export interface H1RequestHead {
  readonly line: RequestLine;
  /** All fields as they came, those of the connection included. */
  readonly fields: Field[];
  /** Of an absolute or authority-form target, else the Host field; undefined where there is none or it is empty. */
  readonly authority: string | undefined;
  /** One of `Framing`; never `close`. */
  readonly framing: number;
  /** A valid upgrade or CONNECT: the parser stops after it until `restart`. */
  readonly upgrade: boolean;
  /** The client wants to send another request afterwards. */
  readonly persistent: boolean;
  /** There are fields to be removed before the head is relayed. */
  readonly hopByHop: boolean;
  readonly expects: boolean;
}

export interface RequestHandler extends BodyHandler {
  onRequestHead(head: H1RequestHead): void;
}

const MAX_METHOD_BYTES = 64;

export class RequestParser extends MessageParser {
  /** Version of the request being parsed, for the answer to an invalid one. */
  version: '1.0' | '1.1' = '1.1';
  private readonly requests: RequestHandler;
  private readonly lines: LineCache<RequestLine>;
  private current: RequestLine | undefined;

  constructor(handler: RequestHandler, table: FieldTable, lines: LineCache<RequestLine>, limits: H1Limits) {
    super(handler, table, limits);
    this.requests = handler;
    this.lines = lines;
  }

  protected checkStart(bytes: Buffer, start: number, end: number): void {
    const most = Math.min(end, start + MAX_METHOD_BYTES);
    for (let p = start; p < most; p++) {
      const byte = bytes[p] as number;
      if (byte === SP && p > start) return;
      if (((BYTE_CLASS[byte] as number) & TOKEN) === 0) throw new H1Error('METHOD', 'not a request line');
    }
    if (end - start > MAX_METHOD_BYTES) throw new H1Error('METHOD', `method exceeds ${MAX_METHOD_BYTES} bytes`);
  }

  protected startLine(bytes: Buffer, start: number, end: number): void {
    let line = this.lines.find(bytes, start, end);
    if (line === undefined) {
      const text = bytes.toString('latin1', start, end);
      this.version = versionOf(text) === '1.0' ? '1.0' : '1.1';
      line = parseRequestLine(text);
      this.lines.offer(bytes, start, end, line);
    }
    this.version = line.version;
    this.current = line;
  }

  protected headDone(): void {
    const { facts, current: line } = this;
    if (line === undefined) throw new H1Error('METHOD', 'fields without a request line');
    facts.checkFraming(line.version);
    if (facts.hosts > 1) throw new H1Error('HOST', 'more than one host');
    const hasBody = facts.chunked || facts.length > 0;
    const connect = line.method === 'CONNECT';
    if (connect && hasBody) throw new H1Error('UPGRADE', 'CONNECT with a body');
    const upgrade = connect || (!hasBody && line.version === '1.1' && facts.connectionUpgrade && isUpgrade(facts.upgrade));
    const framing = facts.chunked ? Framing.chunked : hasBody ? Framing.length : Framing.none;
    const head: H1RequestHead = {
      line,
      fields: this.fields,
      authority: line.authority ?? (facts.host === '' ? undefined : facts.host),
      framing,
      upgrade,
      persistent: facts.persistent(line.version),
      hopByHop: facts.hopByHop,
      expects: facts.expects && hasBody,
    };
    // The handler may be told of the end within this call, so what follows is decided first.
    if (upgrade) this.stop();
    this.requests.onRequestHead(head);
    if (!upgrade) this.beginBody(framing);
  }
}

/** `h2c` is not taken up: an ordinary request (spec/proxy.md §4.3). */
function isUpgrade(protocol: string | undefined): boolean {
  return protocol !== undefined && protocol !== '' && protocol.toLowerCase() !== 'h2c';
}
