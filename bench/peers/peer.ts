// A proxy under measurement: what it can carry, where it is, how it is started in front of a backend.
import type { Child } from '../child.ts';

export type Protocol = 'h1' | 'h2';

export interface RunningPeer extends Child {
  /** Where the load goes. */
  readonly port: number;
}

export interface Peer {
  readonly name: string;
  readonly protocols: readonly Protocol[];
  /** Why it cannot take part on this machine; undefined when it can. */
  missing(): string | undefined;
  /** One thread, plaintext on both sides, the same protocol on both sides. */
  start(protocol: Protocol, backendPort: number): Promise<RunningPeer>;
}
