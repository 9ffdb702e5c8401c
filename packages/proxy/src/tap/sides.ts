// Who talks to whom, with the labels that observers know. spec/proxy.md §9.5 (common), viz.md §2.4.
import { formatIdentityId, type Labels, type TapLabels, type TapSides } from '@weft/core';
import type { HttpEndpoint } from '../connect/http-endpoint.ts';
import type { InboundSession } from '../inbound/session.ts';
import type { ServerTls } from '../observe/labels.ts';

/** Inbound labels of policy: of the Server, the route and the authorization. */
const POLICY_LABELS = ['srv', 'route', 'authz'].flatMap((what) => ['group', 'kind', 'name'].map((part) => `${what}_${part}`));
const RT = 'rt_';

/** `labels`: of the metrics of the request. `route`: of those of its route, where a profile gives it one. */
export function inboundSides(session: InboundSession, labels: Labels, route: Labels | undefined): TapSides {
  const destinationLabels: Record<string, string> = { tls: 'loopback' };
  for (const name of POLICY_LABELS) destinationLabels[name] = String(labels[name] ?? '');
  return {
    direction: 'inbound',
    source: session.remote,
    sourceLabels: serverTls(session.tls),
    destination: session.target,
    destinationLabels,
    routeLabels: route && routeLabels(route),
  };
}

/** `route`: `rt_*`. */
export function outboundSides(client: TapSides['source'], { endpoint, labels }: HttpEndpoint, route: Labels | undefined): TapSides {
  const { tls, server_id: id, no_tls_reason: why } = labels;
  const identity: TapLabels = tls === 'true' ? { tls: 'true', server_id: String(id) } : { tls: String(why) };
  return {
    direction: 'outbound',
    source: client,
    sourceLabels: { tls: 'loopback' },
    destination: endpoint.address,
    destinationLabels: { ...endpoint.labels, ...identity },
    routeLabels: route && routeLabels(route),
  };
}

function serverTls(tls: ServerTls): TapLabels {
  if (tls.kind === 'established') return { tls: 'true', client_id: tls.clientId ? formatIdentityId(tls.clientId) : '' };
  return tls.kind === 'passthrough' ? { tls: 'passthru', sni: tls.sni } : { tls: tls.why };
}

function routeLabels(labels: Labels): TapLabels {
  return Object.fromEntries(Object.entries(labels).flatMap(([name, value]) => (name.startsWith(RT) ? [[name.slice(RT.length), String(value)]] : [])));
}
