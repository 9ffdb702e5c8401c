// Identity as a port.
import type { Credentials } from '../domain/credentials.ts';
import type { Watch } from '../watch/watch.ts';

/** Used by the proxy at start; the Watch is pending until the first certificate was issued, and absent where there is to be none. */
export interface IdentityPort {
  /** The workload's own identity, known before any certificate. */
  readonly name: string;
  /** SNI under which peers reach this workload. */
  readonly serverName: string;
  /** Trust anchors, DER each; known before any certificate, for the first connection to the identity service. */
  readonly anchors: readonly Uint8Array[];
  readonly credentials: Watch<Credentials>;
}
