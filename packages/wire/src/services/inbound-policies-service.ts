// Policies of the ports of a workload. spec/wire.md, inbound.proto.
import type { ServiceDefinition } from '@grpc/grpc-js';
import { serverStream, unary } from './method.ts';

export const inboundPoliciesService = {
  GetPort: unary('inbound.InboundServerPolicies/GetPort', 'inbound.PortSpec', 'inbound.Server'),
  /** One whole policy per message. */
  WatchPort: serverStream('inbound.InboundServerPolicies/WatchPort', 'inbound.PortSpec', 'inbound.Server'),
} satisfies ServiceDefinition;
