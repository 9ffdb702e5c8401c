// How a call comes to a connection: the port between calls and whatever keeps connections.
import type { ClientHttp2Session } from 'node:http2';

/** Room for one call on one connection. */
export interface Lease {
  readonly session: ClientHttp2Session;
  /** The head of the answer arrived. */
  answered(): void;
  /** A part of the answer's body arrived. Called for each. */
  received(): void;
  /** The call is over, or was not made. Called exactly once and last. */
  release(): void;
}

/** Who waits for a lease. One that has ended is skipped: its promise need not settle. */
export interface Caller {
  readonly ended: boolean;
}

/** Gives leases. Asked once per call, and again when the connection went away between lease and request. */
export interface Leases {
  /** May wait for a connection. Rejects only with RpcError. */
  acquire(caller: Caller): Promise<Lease>;
  /** What those wait for who have no lease yet: shown when one of them gives up. */
  readonly waitsFor: string;
  close(): void;
}
