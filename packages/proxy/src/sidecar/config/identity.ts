// Who this proxy is, and where its certificates come from. spec/proxy.md §1.3, §3.3.
import { type ExponentialBackoff, parseIdentityId } from '@weft/core';
import { backoff, type ControlAddress, controlAddress, type Rules } from './rules.ts';
import { namesOf, type VariableName } from './variables.ts';

/** The identity service of the mesh, or a SPIFFE Workload API on a Unix socket. */
export type IdentitySource =
  | {
      readonly kind: 'linkerd';
      readonly address: ControlAddress;
      readonly dir: string;
      readonly tokenFile: string;
      readonly minRefreshMs: number;
      readonly maxRefreshMs: number;
    }
  | { readonly kind: 'spire'; readonly socket: string; readonly backoff: ExponentialBackoff };

const SPIRE = 'IDENTITY_SPIRE_WORKLOAD_API_ADDRESS';

/** With SPIRE nothing of the identity service is needed: outside of Kubernetes there are no tokens. */
export function identitySource(rules: Rules): IdentitySource {
  const { [SPIRE]: socket, IDENTITY_DIR: dir = '', IDENTITY_TOKEN_FILE: tokenFile = '' } = rules.values;
  const { IDENTITY_MIN_REFRESH: minRefreshMs = 0, IDENTITY_MAX_REFRESH: maxRefreshMs = 0 } = rules.values;
  if (socket !== undefined) return { kind: 'spire', socket, backoff: backoff(rules, 'IDENTITY_SPIRE_EXP_BACKOFF', { minMs: 100, maxMs: 1_000, jitter: 0.1 }) };
  const required = !rules.isSet(SPIRE);
  const needed: readonly VariableName[] = required ? ['IDENTITY_DIR', 'IDENTITY_TOKEN_FILE'] : [];
  for (const name of needed) if (!rules.isSet(name)) rules.problem(name, 'must be set');
  return { kind: 'linkerd', address: controlAddress(rules, 'IDENTITY', { required }), dir, tokenFile, minRefreshMs, maxRefreshMs };
}

/** The name that peers verify and the SNI they send: LOCAL_NAME for both, or the pair SERVER_ID and SERVER_NAME. */
export function localIdentity(rules: Rules): { readonly name: string; readonly serverName: string } {
  const { IDENTITY_LOCAL_NAME: local, IDENTITY_SERVER_ID: id, IDENTITY_SERVER_NAME: serverName } = rules.values;
  const [hasId, hasName] = [rules.isSet('IDENTITY_SERVER_ID'), rules.isSet('IDENTITY_SERVER_NAME')];
  if (!hasId && !hasName) {
    if (!rules.isSet('IDENTITY_LOCAL_NAME')) rules.problem('IDENTITY_LOCAL_NAME', 'must be set (or SERVER_ID and SERVER_NAME)');
    if (rules.isSet('IDENTITY_SPIRE_WORKLOAD_API_ADDRESS')) rules.problem('IDENTITY_SERVER_ID', 'must be set to a spiffe:// identity for SPIRE');
    return { name: local ?? '', serverName: local ?? '' };
  }
  if (!hasId || !hasName) {
    rules.problem(
      hasId ? 'IDENTITY_SERVER_NAME' : 'IDENTITY_SERVER_ID',
      `must be set together with ${namesOf(hasId ? 'IDENTITY_SERVER_ID' : 'IDENTITY_SERVER_NAME')[0]}`,
    );
  } else if (id !== undefined && serverName !== undefined) checkServerId(rules, id, serverName);
  return { name: id ?? '', serverName: serverName ?? '' };
}

function checkServerId(rules: Rules, id: string, serverName: string): void {
  const parsed = parseIdentityId(id);
  if (rules.isSet('IDENTITY_SPIRE_WORKLOAD_API_ADDRESS')) {
    if (parsed?.kind !== 'uri') rules.problem('IDENTITY_SERVER_ID', 'must be a spiffe:// identity, because SPIRE is used');
  } else if (parsed?.kind !== 'dns' || parsed.name !== serverName) {
    rules.problem('IDENTITY_SERVER_ID', `must be the DNS name of LINKERD2_PROXY_IDENTITY_SERVER_NAME (${serverName}), because SPIRE is not used`);
  }
}
