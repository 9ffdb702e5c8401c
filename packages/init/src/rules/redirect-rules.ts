// The rules that lead a pod's traffic through its proxy. spec/injector-cli.md §2.2.
import { formatNetwork, parseNetwork } from '@weft/core';
import { packPorts } from './multiport.ts';
import type { Match, Rule, RuleTable, Target } from './rule.ts';
import { InitError, type RedirectSettings } from './settings.ts';

export const INBOUND_CHAIN = 'PROXY_INIT_REDIRECT';
export const OUTBOUND_CHAIN = 'PROXY_INIT_OUTPUT';

/** Builds the table; every invalid setting is reported in one InitError. Subnets apply to the source of inbound traffic only. */
export function redirectRules(settings: RedirectSettings): RuleTable {
  const problems: string[] = [];
  const attempt = <T>(fallback: T, fn: () => T): T => {
    try {
      return fn();
    } catch (error) {
      if (!(error instanceof InitError)) throw error;
      problems.push(...error.problems);
      return fallback;
    }
  };
  const proxyPort = (name: string, port: number): number => {
    if (!Number.isInteger(port) || port < 0 || port > 65535) problems.push(`${name} ${port}: expected a port, 0 to 65535`);
    return port;
  };
  const inPort = proxyPort('incoming proxy port', settings.incomingProxyPort);
  const outPort = proxyPort('outgoing proxy port', settings.outgoingProxyPort);
  const inboundIgnored = attempt([], () => packPorts(settings.inboundPortsToIgnore ?? []));
  const outboundIgnored = attempt([], () => packPorts(settings.outboundPortsToIgnore ?? []));
  const subnets = (settings.subnetsToIgnore ?? []).map((text) => {
    const network = text.includes('/') ? parseNetwork(text.trim()) : undefined;
    if (!network) problems.push(`"${text.trim()}" is not a valid CIDR address`);
    return network ? formatNetwork(network) : text;
  });
  for (const port of settings.portsToRedirect ?? []) proxyPort('port to redirect', port);
  if (problems.length > 0) throw new InitError('SETTINGS_INVALID', problems);

  const rule =
    (chain: string) =>
    (match: Match, target: Target, comment: string): Rule => ({ chain, match, target, comment });
  const inbound = rule(INBOUND_CHAIN);
  const outbound = rule(OUTBOUND_CHAIN);
  const back: Target = { kind: 'return' };
  const ignorePorts = (make: typeof inbound, groups: readonly string[]): Rule[] =>
    groups.map((ports) => make({ kind: 'tcp-ports', ports }, back, `ignore-port-${ports}`));
  const listed = settings.portsToRedirect ?? [];
  const toInbound: Target = { kind: 'redirect', port: inPort };

  return {
    chains: [
      {
        name: INBOUND_CHAIN,
        rules: [
          ...ignorePorts(inbound, inboundIgnored),
          ...subnets.map((cidr) => inbound({ kind: 'source', cidr }, back, `ignore-subnet-${cidr}`)),
          ...(listed.length > 0
            ? listed.map((port) => inbound({ kind: 'tcp-port', port }, toInbound, `redirect-port-${port}-to-proxy-port`))
            : [inbound({ kind: 'tcp' }, toInbound, 'redirect-all-incoming-to-proxy-port')]),
        ],
      },
      {
        name: OUTBOUND_CHAIN,
        rules: [
          ...owner(settings.proxyUid, (uid) => outbound({ kind: 'uid', uid }, back, 'ignore-proxy-user-id')),
          ...owner(settings.proxyGid, (gid) => outbound({ kind: 'gid', gid }, back, 'ignore-proxy-group-id')),
          outbound({ kind: 'out-interface', name: 'lo' }, back, 'ignore-loopback'),
          ...ignorePorts(outbound, outboundIgnored),
          outbound({ kind: 'tcp' }, { kind: 'redirect', port: outPort }, 'redirect-all-outgoing-to-proxy-port'),
        ],
      },
    ],
    jumps: [
      { chain: 'PREROUTING', match: { kind: 'any' }, target: { kind: 'jump', chain: INBOUND_CHAIN }, comment: 'install-proxy-init-prerouting' },
      { chain: 'OUTPUT', match: { kind: 'any' }, target: { kind: 'jump', chain: OUTBOUND_CHAIN }, comment: 'install-proxy-init-output' },
    ],
  };
}

function owner(id: number | undefined, make: (id: number) => Rule): Rule[] {
  return id !== undefined && id > 0 ? [make(id)] : [];
}
