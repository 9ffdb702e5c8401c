// Service discovery as Linkerd's proxies speak it: the client is in ./client, the service in ./server. What both share is here.
// Importing a subpath keeps the other side out: the client needs neither Kubernetes nor a gRPC server.
// Example: import { destinationClient } from '@weft/destination/client';
export type { DestinationClient, DestinationClientOptions } from './client/index.ts';
export type { DestinationSettings, DiscoveryOptions } from './server/index.ts';
