// What drives a destination: its client policy, its profile, or the fallback where there is neither. spec/proxy.md §5.1, §7.7.
import {
  type Backend,
  type ClientPolicy,
  type Dispatcher,
  type Distribution,
  defaultMetadata,
  type Endpoint,
  type HttpProtocol,
  type Metadata,
  type OpaqueProtocol,
  type Profile,
  plainEndpoint,
  type SocketAddress,
} from '@weft/core';
import { compileCondition, type OutboundRouting, patternCompiler } from '@weft/core/route';

/** Carried on the wire only; the proxy's own settings rule. */
const QUEUE = { capacity: 0, failfastTimeoutMs: 0 };
const LOAD = { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } as const;
const DETECT_TIMEOUT_MS = 10_000;

/** Of a connection to an address. `profile` and `policy` are undefined where the control plane has none. */
export function effectivePolicy(address: SocketAddress, profile: Profile | undefined, policy: ClientPolicy | undefined): OutboundRouting {
  return effective(address.port, profile, policy ?? forwardTo(profile?.endpoint, plainEndpoint(address)), plainEndpoint(address));
}

/** Of a name, which cannot be connected to unless something is known of it. */
export function effectivePolicyOfName(port: number, profile: Profile | undefined, policy: ClientPolicy | undefined): OutboundRouting | undefined {
  const base = policy ?? (profile && fallbackOfName(port, profile));
  return base && effective(port, profile, base, undefined);
}

/** Whether the profile names a service or an endpoint. An empty one stands for a target that nobody knows. */
export function isKnown(profile: Profile): boolean {
  return profile.fullyQualifiedName !== '' || profile.endpoint !== undefined;
}

function effective(port: number, profile: Profile | undefined, base: ClientPolicy, plain: Endpoint | undefined): OutboundRouting {
  if (!profile) return { policy: base };
  const { opaque, opaqueByProfile } = opaqueOf(port, profile, base, plain);
  if (profile.opaqueProtocol) return { policy: { parent: base.parent, protocol: { kind: 'opaque', ...opaque } }, opaqueByProfile };
  if (profile.fullyQualifiedName === '' || !(splits(profile) || hasRoutes(profile))) return { policy: base };
  const authority = `${profile.fullyQualifiedName}:${port}`;
  const parent = profile.parent ?? base.parent;
  const distribution = profileDistribution(authority, profile);
  const http = httpOver(parent, distribution);
  return {
    policy: { parent, protocol: { kind: 'detect', timeoutMs: DETECT_TIMEOUT_MS, opaque, http1: http, http2: http } },
    profile: { authority, parent, routes: profile.routes, retryBudget: profile.retryBudget, distribution },
    opaqueByProfile,
  };
}

/** Detection, and a forward to the endpoint that the profile names, else in plaintext to where the connection was going. */
function forwardTo(endpoint: Endpoint | undefined, plain: Endpoint): ClientPolicy {
  return detectOver(defaultMetadata(endpoint ? 'endpoint' : 'fallback'), { kind: 'forward', endpoint: endpoint ?? plain });
}

/** Detection, and the endpoint or the endpoints of the profile. */
function fallbackOfName(port: number, profile: Profile): ClientPolicy | undefined {
  if (profile.endpoint) return forwardTo(profile.endpoint, profile.endpoint);
  if (profile.fullyQualifiedName === '') return undefined;
  return detectOver(profile.parent ?? defaultMetadata('profile'), { kind: 'balancer', path: `${profile.fullyQualifiedName}:${port}`, load: LOAD });
}

function detectOver(parent: Metadata, dispatcher: Dispatcher): ClientPolicy {
  const distribution = first(parent, dispatcher);
  const http = httpOver(parent, distribution);
  return { parent, protocol: { kind: 'detect', timeoutMs: DETECT_TIMEOUT_MS, opaque: opaqueOver(parent, distribution), http1: http, http2: http } };
}

/** The profile rules only when it splits traffic; else the policy, as far as it speaks of opaque connections. */
function opaqueOf(
  port: number,
  profile: Profile,
  policy: ClientPolicy,
  plain: Endpoint | undefined,
): { readonly opaque: OpaqueProtocol; readonly opaqueByProfile: boolean } {
  const authority = `${profile.fullyQualifiedName}:${port}`;
  const byProfile = (distribution: Distribution) => ({ opaque: opaqueOver(policy.parent, distribution), opaqueByProfile: true });
  if (splits(profile)) return byProfile(profileDistribution(authority, profile));
  if (policy.protocol.kind === 'opaque') return { opaque: policy.protocol, opaqueByProfile: false };
  if (policy.protocol.kind === 'detect') return { opaque: policy.protocol.opaque, opaqueByProfile: false };
  return byProfile(first(policy.parent, dispatcherOf(authority, profile, plain)));
}

/** Branches without weight are none, as in Linkerd. */
function splits({ overrides }: Profile): boolean {
  return overrides.some(({ weight }) => weight > 0);
}

/** Routes that cannot be read are none, as in Linkerd. */
function hasRoutes({ routes }: Profile): boolean {
  const compile = patternCompiler();
  return routes.some(({ condition }) => compileCondition(condition, compile) !== undefined);
}

function dispatcherOf(authority: string, profile: Profile, plain: Endpoint | undefined): Dispatcher {
  if (profile.fullyQualifiedName !== '') return { kind: 'balancer', path: authority, load: LOAD };
  const endpoint = profile.endpoint ?? plain;
  return endpoint ? { kind: 'forward', endpoint } : { kind: 'fail', message: 'its profile names neither a service nor an endpoint' };
}

/** The branches of a split that carry weight, or the target itself. */
function profileDistribution(authority: string, profile: Profile): Distribution {
  const metadata = profile.parent ?? defaultMetadata('profile');
  const branches = profile.overrides.filter((override) => override.weight > 0);
  if (branches.length === 0) return first(metadata, { kind: 'balancer', path: authority, load: LOAD });
  return {
    kind: 'random-available',
    backends: branches.map((branch) => ({
      backend: backend(branch.backend ?? metadata, { kind: 'balancer', path: branch.authority, load: LOAD }),
      filters: [],
      weight: branch.weight,
    })),
  };
}

function first(metadata: Metadata, dispatcher: Dispatcher): Distribution {
  return { kind: 'first-available', backends: [{ backend: backend(metadata, dispatcher), filters: [] }] };
}

function backend(metadata: Metadata, dispatcher: Dispatcher): Backend {
  return { metadata, dispatcher, queue: QUEUE };
}

function httpOver(metadata: Metadata, distribution: Distribution): HttpProtocol {
  return { routes: [{ metadata, hosts: [], rules: [{ matches: [], filters: [], distribution, timeouts: {}, allowL5dHeaders: false }] }] };
}

function opaqueOver(metadata: Metadata, distribution: Distribution): OpaqueProtocol {
  return { routes: [{ metadata, rules: [{ filters: [], distribution }] }] };
}
