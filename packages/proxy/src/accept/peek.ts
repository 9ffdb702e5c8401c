// Looks at a connection's first bytes and puts them back. Node: 'readable' with read and unshift; 'data' with pause loses bytes.
import type { Duplex } from 'node:stream';
import type { Clock } from '@weft/core';

export type Peeked =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** The peer sent nothing in time. */
  | { readonly kind: 'timeout' }
  /** The peer ended, or the connection broke, before enough was sent. `error` when it broke. */
  | { readonly kind: 'closed'; readonly error?: Error | undefined }
  /** The signal was aborted. */
  | { readonly kind: 'interrupted' };

export interface PeekOptions {
  /** Default: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  readonly clock: Clock;
  /** Ends the wait. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
  /** Whether more bytes are wanted; called after each read with everything so far. Default: the first read is enough. */
  readonly more?: (bytes: Buffer) => boolean;
}

/** The bytes stay unread for whoever reads next. */
export function peek(stream: Duplex, options: PeekOptions): Promise<Peeked> {
  const { timeoutMs, clock, signal } = options;
  return new Promise((resolve) => {
    let bytes: Buffer | undefined;
    const finish = (result: Peeked): void => {
      timer?.cancel();
      signal?.removeEventListener('abort', onAbort);
      stream.off('readable', onReadable);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
      stream.off('error', onError);
      if (bytes && !stream.destroyed && !stream.readableEnded) stream.unshift(bytes);
      resolve(result);
    };
    const onReadable = (): void => {
      const chunk = stream.read() as Buffer | null;
      if (chunk === null) return;
      bytes = bytes ? Buffer.concat([bytes, chunk]) : chunk;
      if (!options.more?.(bytes)) finish({ kind: 'bytes', bytes });
    };
    const onEnd = (): void => finish({ kind: 'closed' });
    const onError = (error: Error): void => finish({ kind: 'closed', error });
    const onAbort = (): void => finish({ kind: 'interrupted' });
    const timer = timeoutMs === undefined ? undefined : clock.after(timeoutMs, () => finish({ kind: 'timeout' }));
    stream.on('readable', onReadable);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    stream.on('error', onError);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) finish({ kind: 'interrupted' });
    else if (stream.destroyed || stream.readableEnded) finish({ kind: 'closed' });
  });
}
