// Policy as Linkerd's proxies speak it: the client is in ./client, the controller in ./server. What both share is here.
// Importing a subpath keeps the other side out: the client needs neither Kubernetes nor a gRPC server.
// Example: import { policyClient } from '@weft/policy/client';
export type { PolicyClient, PolicyClientOptions } from './client/index.ts';
export type { PolicyServerOptions, PolicySettings } from './server/index.ts';
