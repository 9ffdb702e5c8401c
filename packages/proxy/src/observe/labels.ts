// Label groups of the metrics. spec/proxy.md §9.3.
import {
  type Authorization,
  type Endpoint,
  formatIdentityId,
  formatSocketAddress,
  type IdentityId,
  type Labels,
  type Metadata,
  metadataLabels,
  type SocketAddress,
} from '@weft/core';

/** TLS of an accepted connection. */
export type ServerTls =
  | { readonly kind: 'established'; readonly clientId: IdentityId | undefined }
  | { readonly kind: 'passthrough'; readonly sni: string }
  | { readonly kind: 'none'; readonly why: 'disabled' | 'loopback' | 'port_skipped' | 'no_tls_from_remote' };

/** Why a connection to an endpoint is plaintext. */
export type NoClientTls = 'disabled' | 'loopback' | 'not_provided_by_service_discovery' | 'ingress_without_override';

export function targetLabels(target: SocketAddress): Labels {
  return { target_addr: formatSocketAddress(target), target_ip: target.ip, target_port: target.port };
}

export function serverTlsLabels(tls: ServerTls): Labels {
  if (tls.kind === 'established') return { tls: 'true', client_id: tls.clientId ? formatIdentityId(tls.clientId) : '' };
  if (tls.kind === 'passthrough') return { tls: 'opaque', sni: tls.sni };
  return { tls: 'no_identity', no_tls_reason: tls.why };
}

export function clientTlsLabels(identity: IdentityId | undefined, why: NoClientTls): Labels {
  return identity ? { tls: 'true', server_id: formatIdentityId(identity) } : { tls: 'no_identity', no_tls_reason: why };
}

/** `noTls`: why an endpoint without identity is reached in plaintext. */
export function endpointLabels(
  endpoint: Endpoint,
  local: boolean,
  authority: string | undefined,
  noTls: NoClientTls = 'not_provided_by_service_discovery',
): Labels {
  const dst: Record<string, string> = {};
  for (const key of Object.keys(endpoint.labels).sort()) dst[`dst_${key}`] = endpoint.labels[key] as string;
  const identity = local ? undefined : endpoint.identity?.id;
  return {
    direction: 'outbound',
    authority,
    ...targetLabels(endpoint.address),
    ...clientTlsLabels(identity, local ? 'loopback' : noTls),
    ...dst,
  };
}

export function serverLabels(server: Metadata, port: number): Labels {
  const { group, kind, name } = metadataLabels(server);
  return { srv_group: group, srv_kind: kind, srv_name: name, srv_port: port };
}

/** `parent_*` of outbound registry metrics. */
export function parentLabels(parent: Metadata): Labels {
  return resourceLabels('parent', parent);
}

/** `backend_*` of outbound registry metrics. */
export function backendLabels(backend: Metadata): Labels {
  return resourceLabels('backend', backend);
}

function resourceLabels(prefix: 'parent' | 'backend', metadata: Metadata): Labels {
  const { group, kind, name } = metadataLabels(metadata);
  const { namespace, port, section } = metadata.kind === 'resource' ? metadata : { namespace: '', port: 0, section: '' };
  return {
    [`${prefix}_group`]: group,
    [`${prefix}_kind`]: kind,
    [`${prefix}_namespace`]: namespace,
    [`${prefix}_name`]: name,
    [`${prefix}_port`]: port === 0 ? '' : port,
    [`${prefix}_section_name`]: section,
  };
}

export function routeLabels(route: Metadata): Labels {
  const { group, kind, name } = metadataLabels(route);
  return { route_group: group, route_kind: kind, route_name: name };
}

/** `route_*` of outbound registry metrics. */
export function outboundRouteLabels(route: Metadata): Labels {
  const { group, kind, name } = metadataLabels(route);
  return { route_group: group, route_kind: kind, route_namespace: route.kind === 'resource' ? route.namespace : '', route_name: name };
}

/** Absent where the limit has no name. */
export function rateLimitLabels(limit: Metadata | undefined): Labels {
  if (!limit) return {};
  const { group, kind, name } = metadataLabels(limit);
  return { ratelimit_group: group, ratelimit_kind: kind, ratelimit_name: name };
}

export function authzLabels(authorization: Authorization): Labels {
  const { group, kind, name } = metadataLabels(authorization.metadata);
  return { authz_group: group, authz_kind: kind, authz_name: name };
}

/** `rt_*`: what a route of a ServiceProfile calls itself, in the order of the names. */
export function profileRouteLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(labels)
      .map(([key, value]) => [`rt_${key}`, value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
