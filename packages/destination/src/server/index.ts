// The discovery service: Services, EndpointSlices and Pods become endpoint sets and profiles, streamed to proxies.
export { type ClusterView, watchCluster } from './cluster-view.ts';
export { type DestinationServerOptions, destinationServer } from './destination-server.ts';
export { createLookups, type EndpointsAnswer, type Lookups, type ProfileAnswer, type Refusal } from './lookups.ts';
export { destinationMain } from './main.ts';
export { type LookupContext, type LookupPath, parseContextToken, parseLookupPath } from './request.ts';
export type { ServiceLookup } from './service-endpoints.ts';
export type { DestinationSettings } from './settings.ts';
