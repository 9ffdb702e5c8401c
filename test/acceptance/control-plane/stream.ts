// A server stream as a test reads it: every message kept, waiting for the one that counts.
import type { MethodDefinition } from '@grpc/grpc-js';
import type { EndpointSet } from '@weft/core';
import { applyUpdate, type DestinationUpdate, destinationService, type GetDestination, type RpcChannel, RpcCode, RpcError } from '@weft/wire';

export interface Stream<T> {
  readonly messages: readonly T[];
  /** The first message that satisfies `test`, from the message after the last one found on. Rejects when the stream ends before. */
  until(test: (message: T) => boolean): Promise<T>;
  next(): Promise<T>;
  /** How the stream ended: the status code, 0 for OK. */
  readonly ended: Promise<number>;
  cancel(): void;
}

/** `retry`: codes on which the call is made again until it got a message. What was written a moment ago may not be known yet; proxies ask again too. */
export function openStream<Request, T>(channel: RpcChannel, method: MethodDefinition<Request, T>, request: Request, retry: readonly number[] = []): Stream<T> {
  const abort = new AbortController();
  const messages: T[] = [];
  const wakers = new Set<() => void>();
  let code: number | undefined;
  const wake = (): void => {
    for (const waker of wakers) waker();
  };
  const read = async (): Promise<number> => {
    try {
      for await (const message of channel.serverStream(method, request, { signal: abort.signal })) {
        messages.push(message);
        wake();
      }
      return RpcCode.OK;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return messages.length === 0 && retry.includes(error.code) ? read() : error.code;
    }
  };
  const ended = read().then((end) => {
    code = end;
    wake();
    return end;
  });
  let seen = 0;
  const stream: Stream<T> = {
    messages,
    ended,
    next: () => stream.until(() => true),
    until: (test) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          while (seen < messages.length) {
            const message = messages[seen++] as T;
            if (!test(message)) continue;
            wakers.delete(look);
            return resolve(message);
          }
          if (code === undefined) return;
          wakers.delete(look);
          reject(new Error(`the stream ended with ${code} after ${JSON.stringify(messages)}`));
        };
        wakers.add(look);
        look();
      }),
    cancel: () => abort.abort(new Error('the test has seen enough')),
  };
  return stream;
}

export interface EndpointStream extends Pick<Stream<DestinationUpdate>, 'messages' | 'ended' | 'cancel' | 'next'> {
  /** The set that the messages so far make up. */
  readonly set: EndpointSet;
  /** The set as soon as it satisfies `test`. */
  until(test: (set: EndpointSet) => boolean): Promise<EndpointSet>;
  /** The set as soon as it consists of these `ip:port`. */
  has(...addresses: readonly string[]): Promise<EndpointSet>;
}

export const addressesOf = (set: EndpointSet): readonly string[] => set.map(({ address }) => `${address.ip}:${address.port}`).sort();

/** Destination.Get, read as a proxy reads it: asked again while the Service is not known. */
export function openEndpoints(channel: RpcChannel, request: GetDestination): EndpointStream {
  const stream = openStream(channel, destinationService.Get, request, [RpcCode.NOT_FOUND, RpcCode.UNKNOWN]);
  let set: EndpointSet = [];
  let isFirst = true;
  const take = (update: DestinationUpdate): void => {
    const applied = applyUpdate(set, update, isFirst);
    if (applied.kind === 'ignored') return;
    isFirst = false;
    set = applied.kind === 'endpoints' ? applied.endpoints : [];
  };
  const endpoints: EndpointStream = {
    messages: stream.messages,
    ended: stream.ended,
    cancel: stream.cancel,
    get set() {
      return set;
    },
    async next() {
      const update = await stream.next();
      take(update);
      return update;
    },
    async until(test) {
      if (!isFirst && test(set)) return set;
      await stream.until((update) => {
        take(update);
        return test(set);
      });
      return set;
    },
    has: (...addresses) => endpoints.until((now) => addressesOf(now).join() === [...addresses].sort().join()),
  };
  return endpoints;
}

/** The status code of a call that must fail, and what was said. */
export async function refusalOf(call: Promise<unknown>): Promise<{ readonly code: number; readonly message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the call did not fail');
}
