// Tells a stream that ended from one that was reset with NO_ERROR: Node ends the readable side of both (RFC 9113 §8.1).
import type { Http2Stream } from 'node:http2';

/** Returns whether the peer has ended its side with END_STREAM. To be called before anything is read. */
export function watchEndStream(stream: Http2Stream): () => boolean {
  // A server hears of a stream a little late: its end may have come already.
  let ended = stream.state.remoteClose === 1;
  const push = stream.push.bind(stream);
  // Node marks a reset stream as closed before it pushes the end; after END_STREAM it is the other way round.
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null && !stream.closed) ended = true;
    return push(chunk, encoding);
  };
  return () => ended;
}
