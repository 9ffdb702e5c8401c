// The workload's side of identity: key and CSR, certification, renewal. No Kubernetes, no gRPC server.
export { type IdentityClient, type IdentityClientOptions, identityClient } from './identity-client.ts';
export { type SpiffeClientOptions, spiffeClient } from './spiffe/spiffe-client.ts';
