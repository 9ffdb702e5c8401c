// What the answers to one question say: addresses, and for how long. Only records of the name that was asked for, or of the name
// that its aliases lead to, are read. RFC 1034 §3.6.2 (CNAME); RFC 2782 (SRV); spec/proxy.md §5.3 (SRV of the control plane).
import { canonicalIp, type SocketAddress } from '@weft/core';
import type { Answer, StringAnswer } from 'dns-packet';

export interface FoundAddress extends SocketAddress {
  /** Of the SRV record that led here, 0 – 65535. */
  readonly weight?: number | undefined;
}

export interface Found {
  /** At least one. */
  readonly addresses: readonly FoundAddress[];
  /** The shortest life of all records that led here. */
  readonly ttlSeconds: number;
}

export type Answers = Found | { readonly alias: string; readonly ttlSeconds: number };

/** Aliases followed for one question, within one answer or over several. */
export const MAX_ALIASES = 8;

/** Kubernetes writes the address into the first label of a headless Service's targets: `10-42-0-3.name`. Anything else makes the answer unusable. */
export function srvAddresses(answers: readonly Answer[], name: string): Found | undefined {
  const { owner, ttlSeconds } = followAliases(answers, name);
  const addresses: SocketAddress[] = [];
  let ttl = ttlSeconds;
  for (const answer of answers) {
    if (answer.type !== 'SRV' || !sameName(answer.name, owner)) continue;
    const label = answer.data.target.split('.')[0] ?? '';
    const ip = canonicalIp(label.replaceAll('-', '.')) ?? canonicalIp(label.replaceAll('-', ':'));
    if (ip === undefined) return undefined;
    addresses.push({ ip, port: answer.data.port });
    ttl = Math.min(ttl, answer.ttl ?? 0);
  }
  return addresses.length > 0 ? { addresses, ttlSeconds: ttl } : undefined;
}

export interface SrvTarget {
  readonly host: string;
  /** 1 – 65535. */
  readonly port: number;
  readonly weight: number;
}

export interface SrvTargets {
  /** Groups of targets, the one to be used first comes first. None: the service is said not to be available here. */
  readonly groups: readonly (readonly SrvTarget[])[];
  readonly ttlSeconds: number;
}

/** Most targets of a service that are read. */
const MAX_TARGETS = 128;

/** The targets of a service by priority; undefined where there is no SRV record. A target `.` is none (RFC 2782). */
export function srvTargets(answers: readonly Answer[], name: string): SrvTargets | undefined {
  const { owner, ttlSeconds } = followAliases(answers, name);
  const groups = new Map<number, SrvTarget[]>();
  let ttl = ttlSeconds;
  let records = 0;
  for (const answer of answers) {
    if (answer.type !== 'SRV' || !sameName(answer.name, owner) || records === MAX_TARGETS) continue;
    records++;
    ttl = Math.min(ttl, answer.ttl ?? 0);
    const { target, port, priority = 0, weight = 0 } = answer.data;
    if (target === '' || target === '.' || port === 0) continue;
    const group = groups.get(priority) ?? [];
    groups.set(priority, group);
    group.push({ host: target, port, weight });
  }
  if (records === 0) return undefined;
  return { groups: [...groups].sort(([a], [b]) => a - b).map(([, group]) => group), ttlSeconds: ttl };
}

/** The A and AAAA records; or, where there is only an alias, the name to ask for next. */
export function hostAddresses(answers: readonly Answer[], name: string, port: number): Answers | undefined {
  const { owner, ttlSeconds } = followAliases(answers, name);
  const addresses: SocketAddress[] = [];
  let ttl = ttlSeconds;
  for (const answer of answers) {
    if ((answer.type !== 'A' && answer.type !== 'AAAA') || !sameName(answer.name, owner)) continue;
    const ip = canonicalIp((answer as StringAnswer).data);
    if (ip === undefined) continue;
    addresses.push({ ip, port });
    ttl = Math.min(ttl, answer.ttl ?? 0);
  }
  if (addresses.length > 0) return { addresses, ttlSeconds: ttl };
  return sameName(owner, name) ? undefined : { alias: owner, ttlSeconds };
}

export function sameName(a: string, b: string): boolean {
  return a.toLowerCase().replace(/\.$/, '') === b.toLowerCase().replace(/\.$/, '');
}

/** The name at the end of the chain. A chain that is too long, or leads back, ends where that is noticed. */
function followAliases(answers: readonly Answer[], name: string): { readonly owner: string; readonly ttlSeconds: number } {
  let owner = name;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (let n = 0; n < MAX_ALIASES; n++) {
    const alias = answers.find((answer) => answer.type === 'CNAME' && sameName(answer.name, owner));
    if (alias?.type !== 'CNAME') break;
    owner = alias.data;
    ttlSeconds = Math.min(ttlSeconds, alias.ttl ?? 0);
  }
  return { owner, ttlSeconds };
}
