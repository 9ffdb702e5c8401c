// io.linkerd.proxy.destination.Destination over gRPC: each question becomes a shared Watch, each Watch a stream. A slow stream skips states.
import { type ServerWritableStream, type ServiceDefinition, status } from '@grpc/grpc-js';
import { formatReason, type Logger, type MetricRegistry, type Watch } from '@weft/core';
import { type GrpcService, writeWatch } from '@weft/process';
import { destinationService, type GetDestination } from '@weft/wire';
import type { Answer, Lookups, Refusal } from '../lookups.ts';
import { type LookupContext, parseContextToken } from '../names/lookup-request.ts';
import { endpointMessages, profileMessages } from './messages.ts';

export interface DestinationServerOptions {
  readonly lookups: Lookups;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
}

export interface DestinationServer {
  /** For `startGrpcServer`. */
  readonly service: GrpcService;
  /** Ends every stream with OK: clients ask again elsewhere. Later calls end at once. */
  close(): void;
}

type Stream = ServerWritableStream<GetDestination, Buffer>;
type Method = 'Get' | 'GetProfile';

/** Responses are serialised before they come to a stream. */
const serialised = {
  Get: { ...destinationService.Get, responseSerialize: (bytes: Buffer) => bytes },
  GetProfile: { ...destinationService.GetProfile, responseSerialize: (bytes: Buffer) => bytes },
} satisfies ServiceDefinition;

/** The subject is gone: the client asks again. */
const END = { code: status.OK, details: '' } as const;

/** Longer than any name that could be meant, in characters. */
const MAX_SHOWN = 1024;

export function destinationServer({ lookups, registry, logger }: DestinationServerOptions): DestinationServer {
  const streams = registry.gauge('weft_destination_streams', 'Streams that are open, by method');
  const refusals = registry.counter('weft_destination_refusals_total', 'Lookups that were refused, by method and gRPC status');
  const open = new Set<Stream>();
  let closed = false;
  const [endpoints, profile] = [endpointMessages(), profileMessages()];

  const serve = <T>(
    method: Method,
    call: Stream,
    ask: (path: string, context: LookupContext) => Answer<T> | Refusal,
    encode: (value: T, previous: T | undefined) => readonly Buffer[],
  ): void => {
    const { path = '', contextToken = '' } = call.request;
    if (closed) return void call.end();
    const context = parseContextToken(contextToken, (problem) =>
      logger.log('warn', 'a context token is not as it should be', { token: shown(contextToken), problem }),
    );
    const answer = ask(path, context);
    if (answer.kind === 'refused') {
      refusals.with({ method, status: answer.status }).inc();
      const details = shown(answer.message);
      logger.log('debug', 'a lookup was refused', { method, status: answer.status, details });
      return void call.emit('error', { code: status[answer.status], details });
    }
    const gauge = streams.with({ method });
    gauge.inc();
    open.add(call);
    call.once('close', () => {
      gauge.dec();
      open.delete(call);
    });
    write(call, answer.watch, encode);
  };

  return {
    service: [
      serialised,
      {
        Get: (call: Stream) => serve('Get', call, lookups.endpoints, endpoints),
        GetProfile: (call: Stream) => serve('GetProfile', call, lookups.profile, (next, previous) => (next === previous ? [] : [profile(next)])),
      },
    ],
    close() {
      closed = true;
      for (const call of open) call.end();
    },
  };
}

/** What a client sent may be megabytes: too much for a log, and for the trailers of an answer, which then do not go out at all. */
function shown(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)`;
}

function write<T>(call: Stream, watch: Watch<T>, encode: (value: T, previous: T | undefined) => readonly Buffer[]): void {
  writeWatch<T, Buffer>({
    call,
    watch,
    encode(state, previous) {
      if (state.kind === 'rejected') return { code: status.FAILED_PRECONDITION, details: formatReason(state.reason) };
      if (state.kind !== 'value') return END;
      return encode(state.value, previous?.kind === 'value' ? previous.value : undefined);
    },
  });
}
