// Service discovery: as Linkerd's proxies speak it, the client in ./client and the service in ./server; over DNS in ./dns.
// Importing a subpath keeps the others out: the clients need neither Kubernetes nor a gRPC server, and DNS no gRPC at all.
// Example: import { destinationClient } from '@weft/destination/client';
export type { DestinationClient, DestinationClientOptions } from './client/index.ts';
export type { DnsDiscovery, DnsDiscoveryOptions } from './dns/index.ts';
export type { DestinationSettings, DiscoveryOptions } from './server/index.ts';
