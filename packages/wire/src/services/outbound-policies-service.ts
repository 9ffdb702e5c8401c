// Policies of targets. spec/wire.md, outbound.proto.
import type { ServiceDefinition } from '@grpc/grpc-js';
import { serverStream, unary } from './method.ts';

export const outboundPoliciesService = {
  Get: unary('outbound.OutboundPolicies/Get', 'outbound.TrafficSpec', 'outbound.OutboundPolicy'),
  /** One whole policy per message. */
  Watch: serverStream('outbound.OutboundPolicies/Watch', 'outbound.TrafficSpec', 'outbound.OutboundPolicy'),
} satisfies ServiceDefinition;
