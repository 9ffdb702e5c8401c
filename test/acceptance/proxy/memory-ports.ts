// A control plane in memory: discovery and policy as Watches that a test sets.
import {
  type ClientPolicy,
  createWatch,
  type DiscoveryPort,
  type EndpointSet,
  formatSocketAddress,
  type PolicyPort,
  type PolicyTarget,
  type Profile,
  type ServerPolicy,
  type Watch,
  type WatchSource,
} from '@weft/core';
import { openToAll } from './policies.ts';

class Sources<T> {
  readonly #sources = new Map<string, WatchSource<T>>();

  of(key: string): WatchSource<T> {
    let source = this.#sources.get(key);
    if (!source) this.#sources.set(key, (source = createWatch<T>()));
    return source;
  }
}

/** What was not set stays pending for endpoints, and is absent for profiles and outbound policies. */
export class MemoryControlPlane implements DiscoveryPort, PolicyPort {
  readonly #endpoints = new Sources<EndpointSet>();
  readonly #profiles = new Sources<Profile>();
  readonly #outbound = new Sources<ClientPolicy>();
  readonly #held = new Set<string>();
  readonly #inbound = new Sources<ServerPolicy>();

  endpointsOf(path: string): WatchSource<EndpointSet> {
    return this.#endpoints.of(path);
  }

  profileOf(target: string): WatchSource<Profile> {
    return this.#profiles.of(target);
  }

  outboundOf(address: string): WatchSource<ClientPolicy> {
    return this.#outbound.of(address);
  }

  /** Pending until the test sets it. */
  holdOutbound(target: string): WatchSource<ClientPolicy> {
    this.#held.add(target);
    return this.#outbound.of(target);
  }

  inboundOf(port: number): WatchSource<ServerPolicy> {
    return this.#inbound.of(String(port));
  }

  endpoints(path: string): Watch<EndpointSet> {
    return this.endpointsOf(path).watch;
  }

  profile(target: string): Watch<Profile> {
    const source = this.profileOf(target);
    if (source.watch.state.kind === 'pending') source.absent();
    return source.watch;
  }

  outbound(target: PolicyTarget): Watch<ClientPolicy> {
    const name = target.kind === 'address' ? formatSocketAddress(target.address) : target.authority;
    const source = this.outboundOf(name);
    if (!this.#held.has(name) && source.watch.state.kind === 'pending') source.absent();
    return source.watch;
  }

  inbound(port: number): Watch<ServerPolicy> {
    const source = this.inboundOf(port);
    if (source.watch.state.kind === 'pending') source.set(openToAll());
    return source.watch;
  }
}
