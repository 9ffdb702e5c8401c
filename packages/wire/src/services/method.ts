// A method of a service as grpc-js takes it, on both sides: `server.addService`, `client.makeUnaryRequest`, RpcChannel.
import type { MethodDefinition } from '@grpc/grpc-js';
import { type Codec, codecOf, type MessageName } from '../codec.ts';
import type { MessageTypes } from '../gen/messages.ts';

export type Method<Request extends MessageName, Response extends MessageName> = MethodDefinition<MessageTypes[Request], MessageTypes[Response]>;

/** `path` is `<service>/<method>`; of the linkerd2-proxy-api without `io.linkerd.proxy.`. Services without a package begin with a slash. */
export function unary<Q extends MessageName, R extends MessageName>(path: string, request: Q, response: R): Method<Q, R> {
  return define(path, codecOf(request), codecOf(response), false);
}

export function serverStream<Q extends MessageName, R extends MessageName>(path: string, request: Q, response: R): Method<Q, R> {
  return define(path, codecOf(request), codecOf(response), true);
}

function define<Q, R>(path: string, request: Codec<Q>, response: Codec<R>, responseStream: boolean): MethodDefinition<Q, R> {
  return {
    path: path.startsWith('/') ? path : `/io.linkerd.proxy.${path}`,
    requestStream: false,
    responseStream,
    requestSerialize: (message) => request.encode(message),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => response.encode(message),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}
