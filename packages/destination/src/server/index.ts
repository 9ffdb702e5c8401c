// The discovery service: Services, their endpoints and what is behind them become endpoint sets and profiles, streamed to proxies.
// Folders are the way of the data: cluster → endpoints (metadata, opaque-ports) → filter → streams; profiles and multicluster beside it.
export { type ClusterIndex, type ClusterIndexOptions, clusterIndex } from './cluster/cluster-index.ts';
export { type Discovery, type DiscoveryOptions, startDiscovery } from './discovery.ts';
export type { Snapshot } from './endpoints/port-endpoints.ts';
export type { Answer, Lookups, Refusal } from './lookups.ts';
export { destinationMain } from './main.ts';
export { type LookupContext, type LookupPath, parseContextToken, parseLookupPath } from './names/lookup-request.ts';
export type { DestinationSettings } from './settings.ts';
export type { DestinationServer } from './streams/destination-server.ts';
