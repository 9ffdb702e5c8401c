// DNS names, workload identities, Service names: what is printed reads back equal.
import {
  canonicalDnsName,
  formatIdentityId,
  formatServiceName,
  formatWorkloadIdentity,
  isDnsName,
  parseIdentityId,
  parseServiceName,
  parseWorkloadIdentity,
  suffixMatcher,
} from '@weft/core';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, texts } from '../target.ts';

const IDENTITY = 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local';

const name: FuzzTarget = {
  name: 'name',
  tokens: ['.', '..', '-', '*', '_', '.svc.', 'cluster.local', '.serviceaccount.identity.', 'spiffe://', 'A', 'é', '\0', ' '],
  seeds: () => texts(IDENTITY, 'web.emojivoto.svc.cluster.local', 'web-0.web.emojivoto.svc.cluster.local', 'spiffe://root/ns/web', 'a'),
  run(input) {
    const text = input.toString('utf8');
    const canonical = canonicalDnsName(text);
    hold(canonical === undefined || (isDnsName(canonical) && canonicalDnsName(canonical) === canonical), 'the canonical name is not canonical');
    suffixMatcher([text])(IDENTITY);
    const id = parseIdentityId(text);
    hold(!id || sameData(parseIdentityId(formatIdentityId(id)), id), 'the identity reads back differently');
    const workload = parseWorkloadIdentity(text);
    hold(!workload || formatWorkloadIdentity(workload) === text, 'the workload identity prints differently');
    const service = parseServiceName(text, 'cluster.local');
    hold(!service || formatServiceName(service, 'cluster.local') === text, 'the service name prints differently');
    return `${canonical !== undefined} ${id?.kind} ${workload !== undefined} ${service && 'hostname' in service}`;
  },
};

export const nameTargets = [name];
