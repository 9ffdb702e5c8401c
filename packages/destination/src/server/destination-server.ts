// io.linkerd.proxy.destination.Destination over gRPC: each question becomes a shared Watch, each Watch a stream.
import { type ServerWritableStream, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { type EndpointSet, formatReason, type Logger, type MetricRegistry, type Profile } from '@weft/core';
import { writeWatch } from '@weft/process';
import { type DestinationProfile, type DestinationUpdate, diffToUpdates, type GetDestination, noEndpointsUpdate, profileToWire } from '@weft/wire';
import type { Lookups, Refusal } from './lookups.ts';
import { parseContextToken } from './request.ts';
import { serviceLabels } from './service-endpoints.ts';

export interface DestinationServerOptions {
  readonly lookups: Lookups;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
}

/** The subject is gone: the client asks again. */
const END = { code: status.OK, details: '' } as const;

type Stream<Response> = ServerWritableStream<GetDestination, Response>;

/** The implementation for grpc-js's `addService(destinationService, …)`. */
export function destinationServer({ lookups, registry, logger }: DestinationServerOptions): UntypedServiceImplementation {
  const streams = registry.gauge('weft_destination_streams', 'Streams that are open, by method');
  const refusals = registry.counter('weft_destination_refusals_total', 'Lookups that were refused, by method and gRPC status');

  const open = <Response>(method: string, call: Stream<Response>): void => {
    const gauge = streams.with({ method });
    gauge.inc();
    call.once('close', () => gauge.dec());
  };
  const refuse = <Response>(method: string, call: Stream<Response>, refusal: Refusal): void => {
    refusals.with({ method, status: refusal.status }).inc();
    logger.log('debug', 'a lookup was refused', { method, path: call.request.path ?? '', status: refusal.status, detail: refusal.message });
    call.emit('error', { code: status[refusal.status], details: refusal.message });
  };
  return {
    Get(call: Stream<DestinationUpdate>) {
      const answer = lookups.endpoints(call.request.path ?? '', parseContextToken(call.request.contextToken ?? ''));
      if (answer.kind === 'refused') return refuse('Get', call, answer);
      open('Get', call);
      const setLabels = serviceLabels(answer.lookup);
      writeWatch<EndpointSet, DestinationUpdate>({
        call,
        watch: answer.watch,
        encode: (state, previous) => {
          if (state.kind !== 'value') return END;
          const before = previous?.kind === 'value' ? previous.value : undefined;
          // An empty set is said, not left to silence: clients would run into their initial timeout and ask again.
          if (!before && state.value.length === 0) return [noEndpointsUpdate(true)];
          return diffToUpdates(before ?? [], state.value, { setLabels });
        },
      });
    },
    GetProfile(call: Stream<DestinationProfile>) {
      const answer = lookups.profile(call.request.path ?? '', parseContextToken(call.request.contextToken ?? ''));
      if (answer.kind === 'refused') return refuse('GetProfile', call, answer);
      open('GetProfile', call);
      let last = '';
      writeWatch<Profile, DestinationProfile>({
        call,
        watch: answer.watch,
        encode: (state) => {
          if (state.kind === 'rejected') return { code: status.FAILED_PRECONDITION, details: formatReason(state.reason) };
          if (state.kind !== 'value') return END;
          const text = JSON.stringify(state.value);
          if (text === last) return [];
          last = text;
          return [profileToWire(state.value)];
        },
      });
    },
  };
}
