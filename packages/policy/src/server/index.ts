// The policy controller: what proxies may admit and how they reach targets, from Kubernetes, streamed to proxies.
export { type PolicyClusterView, watchPolicyCluster } from './cluster-view.ts';
export { createPolicyLookups, type PolicyAnswer, type PolicyLookups, type PolicyRefusal } from './lookups.ts';
export { policyMain } from './main.ts';
export { type PolicyServerOptions, type PolicyServices, policyServer } from './policy-server.ts';
export type { PolicySettings } from './settings.ts';
export { type ExternalWorkload, type PodWorkload, parseWorkload } from './workload.ts';
