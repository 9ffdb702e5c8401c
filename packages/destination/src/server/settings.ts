// How this control plane describes endpoints. spec/control-plane.md §1.1.
import type { Http2ClientParams, PortSet } from '@weft/core';

export interface DestinationSettings {
  readonly controllerNamespace: string;
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly enableH2Upgrade: boolean;
  /** `transport-header`: meshed peers are always reached through their inbound port. */
  readonly transportMode: 'transparent' | 'transport-header';
  readonly enableIpv6: boolean;
  /** Endpoints in the zone of the client weigh ten times as much. Default false. */
  readonly zoneWeights?: boolean;
  readonly defaultOpaquePorts: PortSet;
  /** HTTP/2 parameters that clients use toward meshed endpoints. */
  readonly meshedHttp2?: Http2ClientParams | undefined;
}
