// Policy as a port: how to treat traffic to a target, and traffic that arrives.
import type { SocketAddress } from '../address/socket-address.ts';
import type { ClientPolicy } from '../domain/client-policy.ts';
import type { ServerPolicy } from '../domain/server-policy.ts';
import type { Watch } from '../watch/watch.ts';

export type PolicyTarget = { readonly kind: 'address'; readonly address: SocketAddress } | { readonly kind: 'authority'; readonly authority: string };

/** Watches start on subscribe and stop when released; neither call throws. */
export interface PolicyPort {
  /** `absent`: the control plane has no policy for this target and the fallback of spec/proxy.md §5.1 applies. */
  outbound(target: PolicyTarget): Watch<ClientPolicy>;
  /** Never pending: the default policy is in force until the control plane answers (spec/proxy.md §5.4). */
  inbound(port: number): Watch<ServerPolicy>;
}
