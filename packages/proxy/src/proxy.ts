// createProxy: the whole data plane behind its ports. docs/architecture.md, "A request's way through the proxy".
import type { SocketAddress } from '@weft/core';
import type { ProxySettings } from './config.ts';
import type { ProxyPorts } from './ports.ts';

export interface ProxyAddresses {
  readonly outbound: readonly SocketAddress[];
  readonly inbound: readonly SocketAddress[];
  readonly admin: SocketAddress | undefined;
}

export interface Proxy {
  /** Resolves when the first listeners are bound; rejects when one cannot be. */
  readonly listening: Promise<void>;
  /** Resolves when the listeners are bound and the first certificate is held: traffic flows from here on. */
  readonly ready: Promise<void>;
  /** Bound addresses now, in the order of the configured listeners. */
  readonly addresses: ProxyAddresses;
  /** Stops accepting, lets exchanges and connections finish within `shutdownGraceMs`, then closes what is left. Idempotent; never rejects. */
  close(): Promise<void>;
  /** Closes everything at once. */
  destroy(reason?: Error): void;
}

/** Binds at once; connections are read once the first certificate is held. */
export function createProxy(ports: ProxyPorts, settings: ProxySettings = {}): Proxy {
  void ports;
  void settings;
  throw new Error('not built yet');
}
