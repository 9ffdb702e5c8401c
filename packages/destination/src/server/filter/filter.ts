// Which of a Service's addresses a client gets: host name, traffic policy, zone hints, address family, in this order. spec/control-plane.md §1.5.
import type { Candidate } from '../endpoints/candidate.ts';

export interface EndpointFilter {
  /** Only the endpoint with this host name. */
  readonly hostname: string | undefined;
  /** Endpoints of other clusters are not filtered by place. */
  readonly byPlace: boolean;
  /** The client's node, and its zone where it is known. */
  readonly nodeName: string;
  readonly zone: string | undefined;
}

export interface Placement {
  /** The Service's traffic policy is Local. */
  readonly nodeLocal: boolean;
  /** Prefer IPv6 addresses of dual-stack workloads; without, IPv6 addresses are not used. */
  readonly ipv6: boolean;
}

export function filterCandidates(all: readonly Candidate[], filter: EndpointFilter, { nodeLocal, ipv6 }: Placement): readonly Candidate[] {
  const { hostname, byPlace, nodeName, zone } = filter;
  const named = hostname === undefined ? all : all.filter((candidate) => candidate.hostname === hostname);
  if (!byPlace) return oneFamily(named, ipv6);
  return oneFamily(nodeLocal ? named.filter((candidate) => candidate.nodeName !== undefined && candidate.nodeName === nodeName) : inZone(named, zone), ipv6);
}

/** Hints count only where every candidate has one, and some are for this zone. */
function inZone(candidates: readonly Candidate[], zone: string | undefined): readonly Candidate[] {
  if (zone === undefined || candidates.some(({ hints }) => hints.length === 0)) return candidates;
  const near = candidates.filter(({ hints }) => hints.includes(zone));
  return near.length === 0 ? candidates : near;
}

/** One address per workload: that of IPv6 where one is left. */
function oneFamily(candidates: readonly Candidate[], ipv6: boolean): readonly Candidate[] {
  if (!ipv6) return candidates.filter(({ family }) => family === 4);
  const withV6 = new Set<unknown>();
  for (const { family, workload } of candidates) if (family === 6 && workload) withV6.add(workload);
  return withV6.size === 0 ? candidates : candidates.filter(({ family, workload }) => family === 6 || !withV6.has(workload));
}
