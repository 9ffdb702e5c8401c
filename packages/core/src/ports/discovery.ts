// Discovery as a port: what is behind a name or an address.
import type { EndpointSet } from '../domain/endpoint.ts';
import type { Profile } from '../domain/profile.ts';
import type { Watch } from '../watch/watch.ts';

/** Asked once per target and cached by the caller. Watches start on subscribe and stop when released; neither call throws. */
export interface DiscoveryPort {
  /** Endpoints of `host:port`. `absent`: the name does not exist. */
  endpoints(path: string): Watch<EndpointSet>;
  /** Profile of `ip:port` or `host:port`. `absent`: no profile may be looked up for it. */
  profile(target: string): Watch<Profile>;
}
