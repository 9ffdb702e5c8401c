// What a session tells its user. One object serves a connection; streams carry what belongs to one exchange in their `context`.
import type { Field } from '../field/field.ts';
import type { ListExcess } from '../hpack/decoder.ts';
import type { Http2Error } from './http2-error.ts';
import type { PeerSettings } from './settings.ts';
import type { Http2Stream } from './stream.ts';

/**
 * Why a stream ended before its time: the peer reset it; it broke the protocol and we reset it; the peer's GOAWAY says that it was never
 * processed (it may be tried again elsewhere); the connection failed or closed.
 */
export type ResetCause = 'peer' | 'protocol' | 'refused' | 'connection';

/** Methods are called from within `receive`, `tick` and `disconnected`, and may call any method of any session. */
export interface Http2Handler<C> {
  /** Server: a request. Client: the final response. Valid; pseudo-header fields come first. */
  onHeaders(stream: Http2Stream<C>, fields: Field[], endStream: boolean): void;
  /** Client: an interim response (1xx but 101). */
  onInformational(stream: Http2Stream<C>, status: number, fields: Field[]): void;
  /** Server: a request whose head is over the limits. To be answered with 431; its body may follow. `onHeaders` does not come. */
  onHeadersTooLarge(stream: Http2Stream<C>, excess: ListExcess, endStream: boolean): void;
  /** Payload `bytes[start, end)`, maybe empty at the end of the stream. Must be granted back with `grantCredit` once consumed. */
  onData(stream: Http2Stream<C>, bytes: Buffer, start: number, end: number, endStream: boolean): void;
  /** Trailers, and with them the end of the stream. */
  onTrailers(stream: Http2Stream<C>, fields: Field[]): void;
  /** The stream is dead in both directions. Not called after `resetStream`. */
  onReset(stream: Http2Stream<C>, code: number, cause: ResetCause): void;
  /** Payload went out that `writeData` had not written at once. */
  onSent(stream: Http2Stream<C>, bytes: number): void;
  /** The stream does not count as open any more, however it ended. Comes once for each, last. */
  onClosed(stream: Http2Stream<C>): void;
  /** SETTINGS of the peer apply: limits may have changed. */
  onSettings(settings: PeerSettings): void;
  /** The peer opens or takes no new streams. Streams above `lastStreamId` have been reset with cause `refused`. */
  onGoaway(lastStreamId: number, code: number, debug: string): void;
  /** The session was drained, or the peer went away, and the last stream has ended: close the transport once the output is written. */
  onFinished(): void;
  /** The session has failed; its GOAWAY is in the output and its streams were reset. Close the transport once that is written. */
  onFailed(error: Http2Error): void;
}
