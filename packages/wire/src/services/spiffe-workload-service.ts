// X.509 identities from a local agent such as SPIRE. https://github.com/spiffe/spiffe (SPIFFE Workload API); spec/proxy.md §3.3.
import type { ServiceDefinition } from '@grpc/grpc-js';
import { serverStream } from './method.ts';

export const spiffeWorkloadService = {
  /** All identities of the caller per message. Must be called with the metadata `workload.spiffe.io: true`. */
  FetchX509SVID: serverStream('/SpiffeWorkloadAPI/FetchX509SVID', 'X509SVIDRequest', 'X509SVIDResponse'),
} satisfies ServiceDefinition;
