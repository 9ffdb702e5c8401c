// A Node program joins the mesh without a sidecar: `meshServer` takes mutual TLS in front of its HTTP server, with authorization;
// `meshAgent` is an http.Agent that discovers, balances and dials mutual TLS. Both are a proxy in this process, joined in memory.
// Example: http.get('http://web.ns.svc.cluster.local/', { agent: meshAgent({ identity, discovery }) });
export { type Connector, MeshAgent, type MeshAgentOptions, meshAgent } from './mesh-agent.ts';
export { type MeshServer, type MeshServerOptions, meshServer } from './mesh-server.ts';
export type { AgentDiscovery, AgentPolicy } from './named-targets.ts';
