// How the policy controller is configured. spec/control-plane.md §2.1.
import type { DefaultPolicyName, IpNetwork, PortSet } from '@weft/core';

export interface PolicySettings {
  readonly clusterDomain: string;
  /** What `cluster-*` policies admit, and outside of which targets count as external. */
  readonly clusterNetworks: readonly IpNetwork[];
  readonly defaultPolicy: DefaultPolicyName;
  /** Ports of Services that are opaque unless said otherwise. Not applied inbound. */
  readonly defaultOpaquePorts: PortSet;
  /** Networks that probes come from. Empty: no probe routes. */
  readonly probeNetworks: readonly IpNetwork[];
  /** Applications may set retries and timeouts by `l5d-*` headers. Default false. */
  readonly allowL5dHeaders?: boolean;
}

/** Protocol detection timeout, inbound and outbound. */
export const DETECT_TIMEOUT_MS = 10_000;
