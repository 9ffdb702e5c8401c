// The two policy services over gRPC. spec/control-plane.md §2.4, §2.5.
import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { type ClientPolicy, type Logger, type MetricRegistry, type ServerPolicy, valueOf, type Watch } from '@weft/core';
import { writeWatch } from '@weft/process';
import {
  clientPolicyToWire,
  type InboundServer,
  type OutboundPolicy,
  type PortSpec,
  serverPolicyToWire,
  socketAddressFromWire,
  type TrafficSpec,
} from '@weft/wire';
import type { PolicyAnswer, PolicyLookups, PolicyRefusal } from './lookups.ts';
import { parseWorkload } from './workload.ts';

export interface PolicyServerOptions {
  readonly lookups: PolicyLookups;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
}

export interface PolicyServices {
  /** For `addService(inboundPoliciesService, …)`. */
  readonly inbound: UntypedServiceImplementation;
  /** For `addService(outboundPoliciesService, …)`. */
  readonly outbound: UntypedServiceImplementation;
}

const invalid = (message: string): PolicyRefusal => ({ kind: 'refused', status: 'INVALID_ARGUMENT', message });

export function policyServer({ lookups, registry, logger }: PolicyServerOptions): PolicyServices {
  const streams = registry.gauge('weft_policy_streams', 'Streams that are open, by method');
  const refusals = registry.counter('weft_policy_refusals_total', 'Lookups that were refused, by method and gRPC status');

  const refused = (method: string, refusal: PolicyRefusal): { readonly code: number; readonly details: string } => {
    refusals.with({ method, status: refusal.status }).inc();
    logger.log('debug', 'a lookup was refused', { method, status: refusal.status, detail: refusal.message });
    return { code: status[refusal.status], details: refusal.message };
  };

  const inbound = (spec: PortSpec): PolicyAnswer<ServerPolicy> => {
    const workload = parseWorkload(spec.workload ?? '');
    const port = spec.port ?? 0;
    if (!workload) return invalid(`Invalid workload: ${spec.workload ?? ''}`);
    if (port < 1 || port > 65535) return invalid(`Invalid port: ${port}`);
    if ('externalWorkload' in workload) return { kind: 'refused', status: 'NOT_FOUND', message: 'unknown server: ExternalWorkloads are not read yet' };
    return lookups.inbound(workload, port);
  };

  const outbound = (spec: TrafficSpec): PolicyAnswer<ClientPolicy> => {
    if (!parseWorkload(spec.sourceWorkload ?? '')) return invalid(`Invalid source workload: ${spec.sourceWorkload ?? ''}`);
    if (typeof spec.authority === 'string') return lookups.outboundAuthority(spec.authority);
    if (!spec.addr) return invalid('The target is missing');
    try {
      const address = socketAddressFromWire(spec.addr, 'target.addr');
      return address.port === 0 ? invalid('Invalid port: 0') : lookups.outboundAddress(address);
    } catch (error) {
      return invalid(error instanceof Error ? error.message : String(error));
    }
  };

  const get =
    <Request, T, Response>(method: string, ask: (request: Request) => PolicyAnswer<T>, toWire: (policy: T) => Response) =>
    (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
      const answer = ask(call.request);
      if (answer.kind === 'refused') return done(refused(method, answer));
      const value = once(answer.watch);
      if (value === undefined) return done(refused(method, { kind: 'refused', status: 'NOT_FOUND', message: 'the target is gone' }));
      done(null, toWire(value));
    };

  const watch =
    <Request, T, Response>(method: string, ask: (request: Request) => PolicyAnswer<T>, toWire: (policy: T) => Response) =>
    (call: ServerWritableStream<Request, Response>): void => {
      const answer = ask(call.request);
      if (answer.kind === 'refused') return void call.emit('error', refused(method, answer));
      const gauge = streams.with({ method });
      gauge.inc();
      call.once('close', () => gauge.dec());
      // The workload is gone where the Watch has no value: the stream ends with OK.
      writeWatch<T, Response>({
        call,
        watch: answer.watch,
        encode: (state) => (state.kind === 'value' ? [toWire(state.value)] : { code: status.OK, details: '' }),
      });
    };

  return {
    inbound: {
      GetPort: get<PortSpec, ServerPolicy, InboundServer>('GetPort', inbound, serverPolicyToWire),
      WatchPort: watch<PortSpec, ServerPolicy, InboundServer>('WatchPort', inbound, serverPolicyToWire),
    },
    outbound: {
      Get: get<TrafficSpec, ClientPolicy, OutboundPolicy>('Get', outbound, clientPolicyToWire),
      Watch: watch<TrafficSpec, ClientPolicy, OutboundPolicy>('Watch', outbound, clientPolicyToWire),
    },
  };
}

/** The value a Watch has as soon as someone subscribes. */
function once<T>(watch: Watch<T>): T | undefined {
  const stop = watch.subscribe(() => undefined);
  const value = valueOf(watch);
  stop();
  return value;
}
