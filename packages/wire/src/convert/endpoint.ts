// One endpoint. What is wrong beside the address is ignored, as the protocol wants it. spec/proxy.md §5.2.
import { canonicalDnsName, type Endpoint, type ProtocolHint, parseAuthority, parseIdentityId, type ServerIdentity } from '@weft/core';
import type { DestinationProtocolHint, DestinationTlsIdentity, DestinationWeightedAddr } from '../gen/messages.ts';
import { socketAddressFromWire, socketAddressToWire } from './address.ts';
import { http2ParamsFromWire, http2ParamsToWire } from './http2-params.ts';
import { metadataFromWire, metadataToWire } from './metadata.ts';
import { join, lenient, required, type Wire } from './path.ts';
import { freezeDeep } from './plain-data.ts';

type Labels = Readonly<Record<string, string>>;

/** Throws ConvertError only where the address is not valid. Labels of the set are overlaid by those of the address. */
export function endpointFromWire(wire: Wire<DestinationWeightedAddr>, setLabels: Labels = {}, at = ''): Endpoint {
  const addr = required(wire, at);
  const { http2, resourceRef } = addr;
  return freezeDeep({
    address: socketAddressFromWire(addr.addr, join(at, 'addr')),
    weight: addr.weight ?? 0,
    labels: { ...setLabels, ...addr.metricLabels },
    identity: addr.tlsIdentity ? identityFromWire(addr.tlsIdentity) : undefined,
    hint: hintFromWire(addr.protocolHint),
    opaqueTransportPort: opaquePortFromWire(addr.protocolHint),
    authorityOverride: authorityFromWire(addr.authorityOverride?.authorityOverride),
    http2: http2 ? lenient(() => http2ParamsFromWire(http2, join(at, 'http2'))) : undefined,
    resource: resourceRef ? lenient(() => metadataFromWire(resourceRef, join(at, 'resource_ref'))) : undefined,
  });
}

/** `labels`: those to send with the address, where some are sent with its set instead. */
export function endpointToWire(endpoint: Endpoint, labels: Labels = endpoint.labels): DestinationWeightedAddr {
  return {
    addr: socketAddressToWire(endpoint.address),
    weight: endpoint.weight,
    metricLabels: labels,
    tlsIdentity: endpoint.identity && identityToWire(endpoint.identity),
    protocolHint: hintToWire(endpoint.hint, endpoint.opaqueTransportPort),
    authorityOverride: endpoint.authorityOverride === undefined ? undefined : { authorityOverride: endpoint.authorityOverride },
    http2: endpoint.http2 && http2ParamsToWire(endpoint.http2),
    resourceRef: endpoint.resource && metadataToWire(endpoint.resource),
  };
}

/** A DNS-like identity is its own server name unless one is given. A URI-like one without server name is dropped, and so is what is neither. */
function identityFromWire({ dnsLikeIdentity, uriLikeIdentity, serverName }: DestinationTlsIdentity): ServerIdentity | undefined {
  const given = canonicalDnsName(serverName?.name ?? '');
  if (uriLikeIdentity) {
    const id = parseIdentityId(uriLikeIdentity.uri ?? '');
    return id && given !== undefined ? { id, serverName: given } : undefined;
  }
  const name = canonicalDnsName(dnsLikeIdentity?.name ?? '');
  return name === undefined ? undefined : { id: { kind: 'dns', name }, serverName: given ?? name };
}

function identityToWire({ id, serverName }: ServerIdentity): DestinationTlsIdentity {
  const sni = { name: serverName };
  return id.kind === 'dns' ? { dnsLikeIdentity: { name: id.name }, serverName: sni } : { uriLikeIdentity: { uri: id.uri }, serverName: sni };
}

function hintFromWire(wire: Wire<DestinationProtocolHint>): ProtocolHint {
  if (wire?.opaque) return 'opaque';
  return wire?.h2 ? 'h2' : 'none';
}

function opaquePortFromWire(wire: Wire<DestinationProtocolHint>): number | undefined {
  const port = wire?.opaqueTransport?.inboundPort ?? 0;
  return port > 0 && port < 65535 ? port : undefined;
}

function hintToWire(hint: ProtocolHint, port: number | undefined): DestinationProtocolHint | undefined {
  if (hint === 'none' && port === undefined) return undefined;
  const opaqueTransport = port === undefined ? undefined : { inboundPort: port };
  if (hint === 'none') return { opaqueTransport };
  return hint === 'h2' ? { h2: {}, opaqueTransport } : { opaque: {}, opaqueTransport };
}

function authorityFromWire(text: string | undefined): string | undefined {
  return text !== undefined && parseAuthority(text) ? text : undefined;
}
