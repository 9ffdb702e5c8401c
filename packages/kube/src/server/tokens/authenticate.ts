// Who a bearer token belongs to, with the objects it is bound to still there. authentication.k8s.io/v1 UserInfo.

import { serviceAccountKind } from '../../resources/cluster.ts';
import { podKind } from '../../resources/pod.ts';
import { type JsonObject, stringAt } from '../json/json.ts';
import { keyOf } from '../storage/object-key.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { TokenAuthority } from './token-authority.ts';

export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Nobody has to log in to an embedded server; whoever reaches it is its owner. */
export const ADMIN: UserInfo = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

export type Authentication =
  | { readonly kind: 'user'; readonly user: UserInfo; readonly audiences: readonly string[] }
  | { readonly kind: 'refused'; readonly message: string };

/** `audiences`: those the asker accepts; the answer names the ones that the token has of them. */
export function authenticate(token: string, audiences: readonly string[], tokens: TokenAuthority, store: ObjectStore): Authentication {
  const verdict = tokens.verify(token);
  if (verdict.kind === 'refused') return verdict;
  const { claims } = verdict;
  const { namespace, serviceAccount, pod } = claims;
  const shared = audiences.filter((audience) => claims.audiences.includes(audience));
  if (shared.length === 0) {
    return { kind: 'refused', message: `token audiences ${JSON.stringify(claims.audiences)} is invalid for the target audiences ${JSON.stringify(audiences)}` };
  }
  const account = store.collection(serviceAccountKind).get(keyOf(namespace, serviceAccount.name))?.object;
  if (uidOf(account) !== serviceAccount.uid) return { kind: 'refused', message: `service account ${namespace}/${serviceAccount.name} has been deleted` };
  if (pod && uidOf(store.collection(podKind).get(keyOf(namespace, pod.name))?.object) !== pod.uid) {
    return { kind: 'refused', message: `pod ${namespace}/${pod.name} of the token has been deleted` };
  }
  const extra = pod && {
    'authentication.kubernetes.io/pod-name': [pod.name],
    'authentication.kubernetes.io/pod-uid': [pod.uid],
  };
  const user: UserInfo = {
    username: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    ...(extra ? { extra } : {}),
  };
  return { kind: 'user', user, audiences: shared };
}

function uidOf(object: JsonObject | undefined): string | undefined {
  return stringAt(object, 'metadata', 'uid');
}
