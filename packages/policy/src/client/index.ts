// The client side of policy: what governs traffic to a target, and what governs a port, as Watches.
// A port is under the default policy until the control plane answers; the last known policy stays while it is away.
// Example: const policy = policyClient({ channel, workload, defaultPolicy }); policy.inbound(8080).subscribe(console.log);
export { invalidClientPolicy, invalidServerPolicy } from './invalid-policy.ts';
export { type PolicyClient, type PolicyClientOptions, policyClient } from './policy-client.ts';
