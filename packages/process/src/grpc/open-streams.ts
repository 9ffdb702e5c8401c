// Running server streams, so that a shutdown can end them; and a net under the implementations: no error of theirs goes uncaught.
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from '@weft/core';
import type { GrpcImplementation } from './grpc-server.ts';

type Stream = ServerWritableStream<unknown, unknown>;

export class OpenStreams {
  readonly #streams = new Set<Stream>();

  add(stream: Stream): void {
    this.#streams.add(stream);
    const remove = (): void => void this.#streams.delete(stream);
    stream.once('close', remove);
    stream.once('finish', remove);
    stream.once('cancelled', remove);
  }

  /** Ends every stream with UNAVAILABLE: clients try again elsewhere. */
  endAll(): void {
    for (const stream of this.#streams) stream.emit('error', { code: status.UNAVAILABLE, details: 'the server is shutting down' });
  }
}

/** The implementation with every handler wrapped. Methods with request streams are left as they are. */
export function trackStreams(
  definition: ServiceDefinition,
  implementation: GrpcImplementation,
  streams: OpenStreams,
  logger: Logger,
): UntypedServiceImplementation {
  const wrapped: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    const handler = implementation[name];
    if (!handler) continue;
    const bound = handler.bind(implementation) as (...args: unknown[]) => unknown;
    if (method.requestStream) {
      wrapped[name] = bound as UntypedServiceImplementation[string];
      continue;
    }
    wrapped[name] = method.responseStream ? streaming(bound as StreamHandler, method.path, streams, logger) : unary(bound as UnaryHandler, method.path, logger);
  }
  return wrapped;
}

type UnaryHandler = (...args: Parameters<handleUnaryCall<unknown, unknown>>) => unknown;
type StreamHandler = (call: Stream) => unknown;

function unary(handler: UnaryHandler, path: string, logger: Logger): handleUnaryCall<unknown, unknown> {
  return (call, callback: sendUnaryData<unknown>) => {
    let answered = false;
    const answer: sendUnaryData<unknown> = (...args) => {
      if (answered) return;
      answered = true;
      callback(...args);
    };
    const fail = (error: unknown): void => answer(statusOf(error, path, logger));
    try {
      const result = handler(call, answer);
      if (result instanceof Promise) result.then((value) => value !== undefined && answer(null, value), fail);
    } catch (error) {
      fail(error);
    }
  };
}

function streaming(handler: StreamHandler, path: string, streams: OpenStreams, logger: Logger): handleServerStreamingCall<unknown, unknown> {
  return (call) => {
    streams.add(call);
    const fail = (error: unknown): void => void call.emit('error', statusOf(error, path, logger));
    try {
      const result = handler(call);
      if (result instanceof Promise) result.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}

/** Errors that carry a gRPC code are answers; others are defects: logged, and hidden from the caller. */
function statusOf(error: unknown, path: string, logger: Logger): { readonly code: number; readonly details: string } {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number' && error.code >= 1 && error.code <= 16) {
    return { code: error.code, details: 'details' in error && typeof error.details === 'string' ? error.details : error.message };
  }
  logger.log('error', 'a gRPC method failed', { path, error });
  return { code: status.INTERNAL, details: 'internal error' };
}
