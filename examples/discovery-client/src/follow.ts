// What changes about a target, a line each.
import { type DiscoveryPort, type Endpoint, type EndpointSet, formatIdentityId, formatSocketAddress, type Profile, type WatchState } from '@weft/core';

/** Prints now and with each change, until the returned function is called. */
export function follow(discovery: DiscoveryPort, target: string, print: (line: string) => void): () => void {
  let known: EndpointSet = [];
  const stops = [
    discovery.endpoints(target).subscribe((state) => {
      const next = state.kind === 'value' ? state.value : [];
      const gone = known.filter((endpoint) => !next.includes(endpoint));
      const come = next.filter((endpoint) => !known.includes(endpoint));
      known = next;
      for (const endpoint of gone) print(`- ${describe(endpoint)}`);
      for (const endpoint of come) print(`+ ${describe(endpoint)}`);
      print(`endpoints: ${summary(state, ({ length }) => `${length}`)}`);
    }),
    discovery.profile(target).subscribe((state) => print(`profile: ${summary(state, describeProfile)}`)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function describe({ address, identity, hint, weight }: Endpoint): string {
  const meshed = identity ? ` ${formatIdentityId(identity.id)}` : '';
  return `${formatSocketAddress(address)} weight=${weight} hint=${hint}${meshed}`;
}

function describeProfile({ fullyQualifiedName, opaqueProtocol, routes }: Profile): string {
  return `${fullyQualifiedName || '(no name)'} opaque=${opaqueProtocol} routes=${routes.length}`;
}

function summary<T>(state: WatchState<T>, text: (value: T) => string): string {
  switch (state.kind) {
    case 'value':
      return `${text(state.value)}${state.stale ? ' (stale)' : ''}`;
    case 'absent':
      return `absent${state.stale ? ' (stale)' : ''}`;
    case 'rejected':
      return `rejected: ${state.reason.code} ${state.reason.detail ?? ''}`;
    case 'pending':
      return 'pending';
  }
}
