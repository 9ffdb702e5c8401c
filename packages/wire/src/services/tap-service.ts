// Live observation of requests; served by the proxy. spec/wire.md, tap.proto.
import type { ServiceDefinition } from '@grpc/grpc-js';
import { serverStream } from './method.ts';

export const tapService = {
  Observe: serverStream('tap.Tap/Observe', 'tap.ObserveRequest', 'tap.TapEvent'),
} satisfies ServiceDefinition;
