// Encoding and decoding of one message type, typed. The generated code behind it is untyped and stays private to this file.
import { io, X509SVID, X509SVIDRequest, X509SVIDResponse } from './gen/codecs.ts';
import type { MessageTypes } from './gen/messages.ts';

/** Name of a message: below `io.linkerd.proxy` without that prefix, such as `destination.Update`; others by their full name. */
export type MessageName = keyof MessageTypes;

export interface Codec<T> {
  /** Fields at their default are left out, except members of a oneof. */
  encode(message: T): Buffer;
  /** Unknown fields are dropped. Throws on bytes that are not a message. */
  decode(bytes: Uint8Array): T;
}

interface GeneratedMessage<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

type Generated = GeneratedMessage<unknown> & { readonly [name: string]: Generated };

/** Messages that have no package. */
const WITHOUT_PACKAGE: Readonly<Record<string, Generated>> = { X509SVID, X509SVIDRequest, X509SVIDResponse };

export function codecOf<N extends MessageName>(name: N): Codec<MessageTypes[N]> {
  let node: Generated | undefined = WITHOUT_PACKAGE[name];
  if (!node) {
    node = (io as Generated)['linkerd']?.['proxy'];
    for (const part of name.split('.')) node = node?.[part];
  }
  if (!node) throw new RangeError(`no message is called ${name}`);
  const message = node as GeneratedMessage<MessageTypes[N]>;
  return {
    encode(value) {
      const bytes = message.encode(value).finish();
      return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    decode: (bytes) => message.decode(bytes),
  };
}
