// The part of HTTP/1 that requests and responses share: lines, fields, bodies, chunks, trailers. Sans-I/O: bytes in, calls out. RFC 9112 §2, §6, §7.
import type { Field } from '../field/field.ts';
import { FieldKind } from '../field/kind.ts';
import type { FieldTable } from '../field/table.ts';
import { CR, LF } from './byte-class.ts';
import { ChunkLines } from './chunk-lines.ts';
import { endOfLine, readField } from './field-lines.ts';
import { H1Error } from './h1-error.ts';
import { Framing, HeadFacts, isForbiddenTrailer } from './head-facts.ts';
import { H1_LIMITS, type H1Limits } from './limits.ts';
import { PartialLine } from './partial-line.ts';

const START = 0;
const FIELDS = 1;
const LENGTH = 2;
const CLOSE = 3;
const CHUNK_SIZE = 4;
const CHUNK_DATA = 5;
const CHUNK_END = 6;
const TRAILERS = 7;
/** Nothing is read: bytes belong to a tunnel, or the input is invalid. */
const STOPPED = 8;

const INCOMPLETE = -1;
/** Never added to: a message begins with its own, so that a connection between two has nothing of either. */
const NO_FIELDS: Field[] = [];
const NO_FACTS = new HeadFacts();
const NO_CHUNKS = new ChunkLines(H1_LIMITS);
/** Empty lines before a request line that are forgiven (RFC 9112 §2.2). */
const MAX_EMPTY_LINES = 4;

/** What both directions report. Called from within `receive` and `end`; must not call those. */
export interface BodyHandler {
  /** A part of the body, in place: valid as long as the received buffer is. */
  onBody(chunk: Buffer): void;
  /** The message is complete. */
  onMessageEnd(trailers: Field[] | null): void;
  /** The input is no HTTP/1. Last call. */
  onError(error: H1Error): void;
}

export abstract class MessageParser {
  /** Set by a handler to keep `receive` from going on after the current call; what it did not take must be given again. */
  paused = false;
  protected facts: HeadFacts = NO_FACTS;
  protected fields: Field[] = NO_FIELDS;
  private readonly handler: BodyHandler;
  private readonly table: FieldTable;
  private readonly limits: H1Limits;
  /** The line whose end has not come; null between lines, and of most connections always. */
  private partial: PartialLine | null = null;
  private chunks = NO_CHUNKS;
  private state = START;
  private remaining = 0;
  private afterCr = false;
  private headBytes = 0;
  private emptyLines = 0;
  private largest = 0;
  private largestName = '';

  constructor(handler: BodyHandler, table: FieldTable, limits: H1Limits) {
    this.handler = handler;
    this.table = table;
    this.limits = limits;
  }

  /** A head has begun and is not complete. */
  get inHead(): boolean {
    return this.state === FIELDS || (this.state === START && this.partial !== null);
  }

  /** Between messages, with nothing received of the next. */
  get idle(): boolean {
    return this.state === START && this.partial === null;
  }

  /** Takes bytes and returns how many; fewer than all when paused, stopped or failed. */
  receive(chunk: Buffer): number {
    let pos = 0;
    try {
      while (pos < chunk.length && !this.paused && this.state !== STOPPED) pos = this.step(chunk, pos);
    } catch (error) {
      if (!(error instanceof H1Error)) throw error;
      this.state = STOPPED;
      this.handler.onError(error);
    }
    return pos;
  }

  /** The connection ended: completes a body that lasts until then; false when a message is cut short. */
  end(): boolean {
    if (this.state === CLOSE) {
      this.messageEnd(null);
      return true;
    }
    return this.idle || this.state === STOPPED;
  }

  /** Nothing more is parsed. */
  stop(): void {
    this.state = STOPPED;
  }

  /** Goes on with messages after a tunnel that did not come about. */
  restart(): void {
    this.state = START;
    this.startHead();
  }

  /** Refuses what cannot become a start line, before its end has come. Throws `H1Error`. */
  protected abstract checkStart(bytes: Buffer, start: number, end: number): void;
  protected abstract startLine(bytes: Buffer, start: number, end: number): void;
  /** The head is complete; must call `beginBody` or `stop`. */
  protected abstract headDone(): void;

  protected beginBody(framing: number): void {
    this.startHead();
    if (framing === Framing.chunked) {
      this.chunks = new ChunkLines(this.limits);
      this.afterCr = false;
      this.state = CHUNK_SIZE;
    } else if (framing === Framing.close) this.state = CLOSE;
    else if (framing === Framing.length && this.facts.length > 0) {
      this.remaining = this.facts.length;
      this.state = LENGTH;
    } else this.messageEnd(null);
  }

  private startHead(): void {
    this.headBytes = 0;
    this.largest = 0;
    this.emptyLines = 0;
  }

  private step(chunk: Buffer, pos: number): number {
    switch (this.state) {
      case LENGTH:
      case CHUNK_DATA:
        return this.bodyPart(chunk, pos);
      case CHUNK_END:
        return this.chunkEnd(chunk, pos);
      case CLOSE:
        this.handler.onBody(pos === 0 ? chunk : chunk.subarray(pos));
        return chunk.length;
      default:
        return this.partial === null ? this.lineInPlace(chunk, pos) : this.lineInParts(chunk, pos, this.partial);
    }
  }

  private lineInPlace(chunk: Buffer, pos: number): number {
    const next = this.line(chunk, pos, chunk.length);
    if (next !== INCOMPLETE) return next;
    this.partial = new PartialLine();
    const end = this.partial.take(chunk, pos);
    this.checkPartial(this.partial);
    return end;
  }

  private lineInParts(chunk: Buffer, pos: number, partial: PartialLine): number {
    const end = partial.take(chunk, pos);
    if (!partial.endsLine) this.checkPartial(partial);
    else {
      this.partial = null;
      this.line(partial.bytes, 0, partial.length);
    }
    return end;
  }

  private checkPartial({ bytes, length }: PartialLine): void {
    if (this.state === START && bytes[0] !== CR) this.checkStart(bytes, 0, length);
    if (this.state === CHUNK_SIZE) this.chunks.checkLength(length);
    else if (this.headBytes + length > this.limits.maxHeadBytes) this.tooLarge(bytes, 0, length);
  }

  /** One line, or -1 when it is not complete. */
  private line(bytes: Buffer, pos: number, end: number): number {
    switch (this.state) {
      case START:
        return this.firstLine(bytes, pos, end);
      case FIELDS:
      case TRAILERS:
        return this.fieldLines(bytes, pos, end);
      case CHUNK_SIZE: {
        const cr = endOfLine(bytes, pos, end);
        if (cr < 0) return INCOMPLETE;
        this.remaining = this.chunks.readSize(bytes, pos, cr);
        this.state = this.remaining > 0 ? CHUNK_DATA : TRAILERS;
        if (this.remaining === 0) this.fields = [];
        return cr + 2;
      }
      default:
        return end;
    }
  }

  /** CR and LF after a chunk, which may come apart. */
  private chunkEnd(bytes: Buffer, pos: number): number {
    if (bytes[pos] !== (this.afterCr ? LF : CR)) throw new H1Error('CHUNK_END', 'a chunk is longer than its size');
    if (this.afterCr) this.state = CHUNK_SIZE;
    this.afterCr = !this.afterCr;
    return pos + 1;
  }

  private firstLine(bytes: Buffer, pos: number, end: number): number {
    if (bytes[pos] !== CR) this.checkStart(bytes, pos, end);
    const cr = endOfLine(bytes, pos, end);
    if (cr < 0) return INCOMPLETE;
    if (cr === pos) {
      this.emptyLines += 1;
      if (this.emptyLines > MAX_EMPTY_LINES) throw new H1Error('EMPTY_LINES', 'empty lines in place of a message');
      return cr + 2;
    }
    this.count(bytes, pos, cr + 2, '(start line)');
    this.startLine(bytes, pos, cr);
    this.facts = new HeadFacts();
    this.fields = [];
    this.state = FIELDS;
    return cr + 2;
  }

  /** As many field lines as are complete. */
  private fieldLines(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    while (pos < end) {
      const cr = endOfLine(bytes, pos, end);
      if (cr < 0) return pos === start ? INCOMPLETE : pos;
      if (cr === pos) {
        this.fieldsDone();
        return cr + 2;
      }
      const field = readField(this.table, bytes, pos, cr);
      this.count(bytes, pos, cr + 2, field.name);
      if (this.fields.length >= this.limits.maxFields) {
        throw new H1Error('TOO_MANY_FIELDS', `more than ${this.limits.maxFields} fields; largest: ${this.largestName} (${this.largest} bytes)`);
      }
      if (field.kind !== FieldKind.other) {
        if (this.state === FIELDS) this.facts.note(field);
        else if (isForbiddenTrailer(field)) throw new H1Error('TRAILER', `not allowed in trailers: ${field.name}`);
      }
      this.fields.push(field);
      pos = cr + 2;
    }
    return pos;
  }

  private fieldsDone(): void {
    if (this.state === FIELDS) this.headDone();
    else this.messageEnd(this.fields.length === 0 ? null : this.fields);
  }

  private bodyPart(chunk: Buffer, pos: number): number {
    const end = Math.min(chunk.length, pos + this.remaining);
    this.remaining -= end - pos;
    this.handler.onBody(pos === 0 && end === chunk.length ? chunk : chunk.subarray(pos, end));
    if (this.remaining === 0 && this.state !== STOPPED) {
      if (this.state === LENGTH) this.messageEnd(null);
      else this.state = CHUNK_END;
    }
    return end;
  }

  private messageEnd(trailers: Field[] | null): void {
    this.state = START;
    this.facts = NO_FACTS;
    this.fields = NO_FIELDS;
    this.startHead();
    this.handler.onMessageEnd(trailers);
  }

  private count(bytes: Buffer, pos: number, end: number, name: string): void {
    const length = end - pos;
    this.headBytes += length;
    if (length > this.largest) {
      this.largest = length;
      this.largestName = name;
    }
    if (this.headBytes > this.limits.maxHeadBytes) this.tooLarge(bytes, pos, end);
  }

  /** RFC 6585 §5: say which field is at fault where it can be told. */
  private tooLarge(bytes: Buffer, pos: number, end: number): never {
    if (end - pos >= this.largest) {
      this.largest = end - pos;
      const colon = bytes.subarray(pos, Math.min(end, pos + 100)).indexOf(':');
      this.largestName = this.state === START || colon < 0 ? '(start line)' : bytes.toString('latin1', pos, pos + colon).toLowerCase();
    }
    throw new H1Error('HEAD_TOO_LARGE', `head exceeds ${this.limits.maxHeadBytes} bytes; largest field: ${this.largestName} (${this.largest} bytes)`);
  }
}
