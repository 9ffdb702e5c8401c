// One HTTP/2 stream as its session keeps it: RFC 9113 §5.1.
import type { Field } from '../field/field.ts';

/** A part of a payload that waits for the peer's window. */
export interface WaitingPiece {
  readonly bytes: Buffer;
  start: number;
  readonly end: number;
  next: WaitingPiece | null;
}

/** What the next header block of the peer is. */
type HeadPhase = 'head' | 'trailers';

/**
 * `context` is its user's; all other members belong to the session, and users only read those that are documented. A stream that is neither
 * idle nor closed is in its session's table.
 */
export class Http2Stream<C> {
  /** 0 < id < 2³¹. */
  readonly id: number;
  /** Whatever the session's user wants to find here. */
  context: C | null;
  /** We sent END_STREAM. */
  localEnded = false;
  /** The peer sent END_STREAM. */
  remoteEnded = false;
  /** Reset by either side, or gone with its connection. */
  reset = false;

  phase: HeadPhase = 'head';
  /** Content-Length of the peer's message, -1 when unknown, and what came of it. */
  expectedBytes = -1;
  receivedBytes = 0;
  /** The response to our request has no body whatever it declares (HEAD). */
  bodyless = false;

  /** What we may still send. */
  sendWindow: number;
  /** What the peer may still send. */
  receiveWindow: number;
  /** Delivered and not yet granted; granted and not yet announced. */
  held = 0;
  credit = 0;

  /** Payload that waits for the peer's window, what ends the stream after it, and since when nothing moved (0: not known). */
  waiting: WaitingPiece | null = null;
  lastWaiting: WaitingPiece | null = null;
  endsAfterWaiting = false;
  waitingTrailers: readonly Field[] | null = null;
  stalledSince = 0;

  constructor(id: number, context: C | null, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.context = context;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Nothing more comes or goes. */
  get closed(): boolean {
    return this.reset || (this.localEnded && this.remoteEnded);
  }
}
