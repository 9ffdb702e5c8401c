// Discovery and policy of names, asked by the addresses that stand for them. spec/proxy.md §5.1, by authority.
import {
  type ClientPolicy,
  createWatch,
  type DiscoveryPort,
  type Distribution,
  defaultMetadata,
  type HttpProtocol,
  type Metadata,
  type PolicyPort,
  parseSocketAddress,
  type Watch,
} from '@weft/core';
import type { VirtualAddresses } from './virtual-addresses.ts';

/** What `meshAgent` needs of discovery. Without profiles, none are known. */
export type AgentDiscovery = Pick<DiscoveryPort, 'endpoints'> & Partial<Pick<DiscoveryPort, 'profile'>>;

/** What `meshAgent` needs of policy. `absent` names are balanced over without more ado. */
export type AgentPolicy = Pick<PolicyPort, 'outbound'>;

export function namedDiscovery(discovery: AgentDiscovery, names: VirtualAddresses): DiscoveryPort {
  return {
    endpoints: (path) => discovery.endpoints(path),
    profile(target) {
      const address = parseSocketAddress(target);
      return discovery.profile?.((address && names.nameOf(address)) ?? target) ?? absent();
    },
  };
}

export function namedPolicy(policy: AgentPolicy | undefined, names: VirtualAddresses): PolicyPort {
  return {
    outbound(target) {
      const name = target.kind === 'address' ? names.nameOf(target.address) : target.authority;
      if (name === undefined) return policy?.outbound(target) ?? absent();
      return orElse(policy?.outbound({ kind: 'authority', authority: name }) ?? absent(), balanced(name));
    },
    inbound: () => absent(),
  };
}

function absent(): Watch<never> {
  const source = createWatch<never>();
  source.absent();
  return source.watch;
}

function orElse<T>(watch: Watch<T>, fallback: T): Watch<T> {
  return createWatch<T>({
    start: (out) =>
      watch.subscribe((state) => {
        if (state.kind === 'absent') out.set(fallback);
        else out.update(state);
      }),
  }).watch;
}

/** HTTP and bytes alike, over the endpoints of the name. */
function balanced(path: string): ClientPolicy {
  const metadata = defaultMetadata('name');
  const dispatcher = { kind: 'balancer', path, load: { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } } as const;
  const backend = { metadata, dispatcher, queue: { capacity: 0, failfastTimeoutMs: 0 } };
  const distribution: Distribution = { kind: 'first-available', backends: [{ backend, filters: [] }] };
  const http = httpOver(metadata, distribution);
  const opaque = { routes: [{ metadata, rules: [{ filters: [], distribution }] }] };
  return { parent: metadata, protocol: { kind: 'detect', timeoutMs: 10_000, opaque, http1: http, http2: http } };
}

function httpOver(metadata: Metadata, distribution: Distribution): HttpProtocol {
  return { routes: [{ metadata, hosts: [], rules: [{ matches: [], filters: [], distribution, timeouts: {}, allowL5dHeaders: false }] }] };
}
