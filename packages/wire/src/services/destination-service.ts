// Discovery: endpoint sets and profiles. spec/wire.md, destination.proto.
import type { ServiceDefinition } from '@grpc/grpc-js';
import { serverStream } from './method.ts';

export const destinationService = {
  /** Endpoints of `host:port`; feed the updates to `applyUpdate`. */
  Get: serverStream('destination.Destination/Get', 'destination.GetDestination', 'destination.Update'),
  /** One whole profile per message. */
  GetProfile: serverStream('destination.Destination/GetProfile', 'destination.GetDestination', 'destination.DestinationProfile'),
} satisfies ServiceDefinition;
