// An RpcChannel over whatever gives connections: unary calls as promises, server streams as iterables.
import type { MethodDefinition } from '@grpc/grpc-js';
import { type CallOptions, type RpcChannel, RpcCode, RpcError } from './channel.ts';
import { type CallContext, GrpcCall } from './grpc-call.ts';
import { GrpcStreamReader } from './grpc-stream-reader.ts';

export function callsOver(context: CallContext): RpcChannel {
  return {
    unary<Request, Response>(method: MethodDefinition<Request, Response>, request: Request, callOptions: CallOptions = {}): Promise<Response> {
      return new Promise((resolve, reject) => {
        const responses: Response[] = [];
        const call = new GrpcCall(context, method, callOptions, {
          message(response) {
            if (responses.push(response) > 1) call.cancel(new RpcError(RpcCode.INTERNAL, 'more than one message answered a unary call'));
          },
          end(error) {
            if (error) reject(error);
            else if (responses.length === 0) reject(new RpcError(RpcCode.INTERNAL, 'no message answered a unary call'));
            else resolve(responses[0] as Response);
          },
        });
        call.start(request);
      });
    },
    serverStream<Request, Response>(method: MethodDefinition<Request, Response>, request: Request, callOptions: CallOptions = {}): AsyncIterable<Response> {
      return {
        [Symbol.asyncIterator]: () =>
          new GrpcStreamReader<Response>((sink) => {
            const call = new GrpcCall(context, method, callOptions, sink);
            return { start: () => call.start(request), pause: () => call.pause(), resume: () => call.resume(), cancel: (error) => call.cancel(error) };
          }),
      };
    },
    close: () => context.leases.close(),
  };
}
