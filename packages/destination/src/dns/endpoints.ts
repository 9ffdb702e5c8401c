// Addresses of DNS as a set of endpoints. One that stays keeps its object and its place, so that a balancer keeps what it knows of it.
import { type Endpoint, type EndpointSet, formatSocketAddress, plainEndpoint } from '@weft/core';
import type { FoundAddress } from './records.ts';

/** `add` keeps what is not among the addresses. The same set is returned where nothing changes. */
export function nextEndpoints(known: EndpointSet, addresses: readonly FoundAddress[], how: 'replace' | 'add'): EndpointSet {
  const found = new Map(addresses.map((address) => [formatSocketAddress(address), address]));
  const next: Endpoint[] = [];
  for (const endpoint of known) {
    const key = formatSocketAddress(endpoint.address);
    const address = found.get(key);
    found.delete(key);
    if (address && weightOf(address) !== endpoint.weight) next.push(endpointOf(address));
    else if (address || how === 'add') next.push(endpoint);
  }
  for (const address of found.values()) next.push(endpointOf(address));
  return next.length === known.length && next.every((endpoint, at) => endpoint === known[at]) ? known : next;
}

/** Plaintext: DNS knows no identities. */
function endpointOf(address: FoundAddress): Endpoint {
  return { ...plainEndpoint({ ip: address.ip, port: address.port }), weight: weightOf(address) };
}

function weightOf({ weight = 1 }: FoundAddress): number {
  return weight;
}
