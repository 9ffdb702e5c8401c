// A client of a server stream that stops reading: HTTP/2 with the smallest windows, and no reader until told so.
import { connect } from 'node:http2';
import type { MethodDefinition } from '@grpc/grpc-js';

export interface StalledReader<T> {
  /** Reads on: everything that waits and comes, until `last` accepts a message or the server ends the stream. */
  read(last: (message: T) => boolean): Promise<readonly T[]>;
  close(): void;
}

/** Resolves when the server has answered. */
export async function stalledReader<Request, T>(port: number, method: MethodDefinition<Request, T>, request: Request): Promise<StalledReader<T>> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { enablePush: false, initialWindowSize: 65_535 } });
  const stream = session.request({ ':method': 'POST', ':path': method.path, 'content-type': 'application/grpc', te: 'trailers' });
  const message = method.requestSerialize(request);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
  await new Promise<void>((resolve, reject) => {
    stream.once('response', () => resolve());
    stream.once('error', reject);
    session.once('error', reject);
  });
  return {
    async read(last) {
      const messages: T[] = [];
      let rest = Buffer.alloc(0);
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
          const end = 5 + rest.readUInt32BE(1);
          const next = method.responseDeserialize(rest.subarray(5, end));
          rest = rest.subarray(end);
          messages.push(next);
          if (last(next)) return messages;
        }
      }
      return messages;
    },
    close: () => session.destroy(),
  };
}
