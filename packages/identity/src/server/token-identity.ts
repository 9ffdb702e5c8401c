// Whose identity a token proves. spec/control-plane.md §3.
import { isDnsLabel } from '@weft/core';

export interface TokenOwner {
  /** `serviceaccount`. */
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
}

/** Parses `system:TYPE:NS:SA`, DNS labels all; undefined when it is anything else. */
export function parseUsername(username: string): TokenOwner | undefined {
  const [system, type = '', namespace = '', name = '', ...rest] = username.split(':');
  if (system !== 'system' || rest.length > 0 || ![type, namespace, name].every(isDnsLabel)) return undefined;
  return { type, namespace, name };
}

export interface IdentityDomain {
  readonly controlPlaneNamespace: string;
  readonly trustDomain: string;
}

/** `<SA>.<NS>.<TYPE>.identity.<control plane namespace>.<trust domain>` */
export function identityOf(owner: TokenOwner, domain: IdentityDomain): string {
  return `${owner.name}.${owner.namespace}.${owner.type}.identity.${domain.controlPlaneNamespace}.${domain.trustDomain}`;
}
