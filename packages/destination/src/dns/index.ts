// Service discovery over DNS: endpoint sets as Watches, as the client of the destination API gives them, without a control plane.
// Answers are used for as long as they live; while DNS is away the last known set is kept, marked stale.
// Example: const discovery = dnsDiscovery(); discovery.endpoints('web.example:80').subscribe(console.log);
export { type DnsDiscovery, type DnsDiscoveryOptions, dnsDiscovery } from './dns-discovery.ts';
export type { FoundAddress } from './records.ts';
export {
  type OnLookup,
  type Resolution,
  ResolveError,
  type ResolveOptions,
  type Resolver,
  type ResolverOptions,
  type ResolveVerdict,
  resolver,
} from './resolver.ts';
export { type WatchNameOptions, watchName } from './watch-name.ts';
