import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyRules,
  type Execute,
  firewallPrograms,
  InitError,
  installCommands,
  missingRules,
  packPorts,
  redirectRules,
  removeCommands,
  restoreDocument,
} from './index.ts';

const typical = redirectRules({
  incomingProxyPort: 4143,
  outgoingProxyPort: 4140,
  proxyUid: 2102,
  inboundPortsToIgnore: ['4190', '4191', '4567', '4568'],
  outboundPortsToIgnore: ['4567', '4568'],
});

const text = (commands: readonly (readonly string[])[]): string[] => commands.map((command) => command.join(' '));

test('renders the typical commands in order', () => {
  expect(text(installCommands(typical))).toEqual([
    '-t nat -N PROXY_INIT_REDIRECT',
    '-t nat -A PROXY_INIT_REDIRECT -p tcp --match multiport --dports 4190,4191,4567,4568 -j RETURN -m comment --comment proxy-init/ignore-port-4190,4191,4567,4568',
    '-t nat -A PROXY_INIT_REDIRECT -p tcp -j REDIRECT --to-port 4143 -m comment --comment proxy-init/redirect-all-incoming-to-proxy-port',
    '-t nat -A PREROUTING -j PROXY_INIT_REDIRECT -m comment --comment proxy-init/install-proxy-init-prerouting',
    '-t nat -N PROXY_INIT_OUTPUT',
    '-t nat -A PROXY_INIT_OUTPUT -m owner --uid-owner 2102 -j RETURN -m comment --comment proxy-init/ignore-proxy-user-id',
    '-t nat -A PROXY_INIT_OUTPUT -o lo -j RETURN -m comment --comment proxy-init/ignore-loopback',
    '-t nat -A PROXY_INIT_OUTPUT -p tcp --match multiport --dports 4567,4568 -j RETURN -m comment --comment proxy-init/ignore-port-4567,4568',
    '-t nat -A PROXY_INIT_OUTPUT -p tcp -j REDIRECT --to-port 4140 -m comment --comment proxy-init/redirect-all-outgoing-to-proxy-port',
    '-t nat -A OUTPUT -j PROXY_INIT_OUTPUT -m comment --comment proxy-init/install-proxy-init-output',
  ]);
});

test('redirects listed ports only, ignores subnets by source, and knows the group of the proxy', () => {
  const rules = redirectRules({ incomingProxyPort: 1, outgoingProxyPort: 2, proxyGid: 7, portsToRedirect: [80, 443], subnetsToIgnore: [' 10.1.2.3/8 '] });
  const lines = text(installCommands(rules));
  expect(lines).toContain('-t nat -A PROXY_INIT_REDIRECT -p all -j RETURN -s 10.0.0.0/8 -m comment --comment proxy-init/ignore-subnet-10.0.0.0/8');
  expect(lines).toContain(
    '-t nat -A PROXY_INIT_REDIRECT -p tcp --destination-port 443 -j REDIRECT --to-port 1 -m comment --comment proxy-init/redirect-port-443-to-proxy-port',
  );
  expect(lines.some((line) => line.includes('redirect-all-incoming'))).toBe(false);
  expect(lines).toContain('-t nat -A PROXY_INIT_OUTPUT -m owner --gid-owner 7 -j RETURN -m comment --comment proxy-init/ignore-proxy-group-id');
});

test('flushes chains that exist and adds no jump twice', () => {
  const dump = ':PROXY_INIT_REDIRECT - [0:0]\n-A PREROUTING -m comment --comment "proxy-init/x" -j PROXY_INIT_REDIRECT\n';
  const lines = text(installCommands(typical, dump));
  expect(lines[0]).toBe('-t nat -F PROXY_INIT_REDIRECT');
  expect(lines.filter((line) => line.includes('-A PREROUTING'))).toEqual([]);
  expect(lines).toContain('-t nat -N PROXY_INIT_OUTPUT');
  expect(restoreDocument(typical, dump)).not.toContain('-A PREROUTING');
});

test('removes jumps before chains, outbound first', () => {
  expect(text(removeCommands(typical)).map((line) => line.split(' ').slice(2, 4).join(' '))).toEqual([
    '-D OUTPUT',
    '-D PREROUTING',
    '-F PROXY_INIT_OUTPUT',
    '-F PROXY_INIT_REDIRECT',
    '-X PROXY_INIT_OUTPUT',
    '-X PROXY_INIT_REDIRECT',
  ]);
});

test('packs at most fifteen slots a rule, a range taking two', () => {
  expect(packPorts(['1', '2-3', '4-4'])).toEqual(['1,2:3,4']);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(65535), fc.nat(65535)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)), (items) => {
      const groups = packPorts(items);
      for (const group of groups) expect(group.split(/[,:]/).length).toBeLessThanOrEqual(15);
      expect(groups.flatMap((group) => (group === '' ? [] : group.split(','))).map((p) => (p.includes(':') ? p.replace(':', '-') : `${p}-${p}`))).toEqual(
        items,
      );
    }),
  );
});

test('reports every invalid setting at once', () => {
  const bad = (): unknown =>
    redirectRules({
      incomingProxyPort: -1,
      outgoingProxyPort: 70000,
      inboundPortsToIgnore: ['9-8'],
      outboundPortsToIgnore: ['x'],
      subnetsToIgnore: ['10.0.0.1', 'no/8'],
    });
  expect(bad).toThrow(
    new InitError('SETTINGS_INVALID', [
      'incoming proxy port -1: expected a port, 0 to 65535',
      'outgoing proxy port 70000: expected a port, 0 to 65535',
      'port "9-8": upper-bound must be greater than or equal to lower-bound',
      'port "x": "x" is not a valid lower-bound',
      '"10.0.0.1" is not a valid CIDR address',
      '"no/8" is not a valid CIDR address',
    ]),
  );
});

/** A kernel that keeps the appended lines, for the order of calls; the real one is in the suite with network namespaces. */
function recordingKernel(): { readonly run: Execute; readonly calls: string[] } {
  let rules = '';
  const calls: string[] = [];
  return {
    calls,
    run: async (argv, input) => {
      calls.push(argv.join(' '));
      if (argv[0]?.endsWith('-restore')) rules = input ?? '';
      return rules;
    },
  };
}

test('saves, restores and verifies, and says which rule did not arrive', async () => {
  const kernel = recordingKernel();
  await applyRules(typical, { programs: firewallPrograms('nft', 4), execute: kernel.run });
  expect(kernel.calls).toEqual(['iptables-nft-save -t nat', 'iptables-nft-restore --noflush -w', 'iptables-nft-save -t nat']);
  const deaf: Execute = async () => '';
  await expect(applyRules(typical, { programs: firewallPrograms('legacy', 6), execute: deaf })).rejects.toMatchObject({ code: 'RULES_MISSING' });
});

test('notices altered, surplus and missing rules', () => {
  const dump = restoreDocument(typical);
  expect(missingRules(typical, dump)).toEqual([]);
  expect(missingRules(typical, dump.replace('--to-port 4140', '--to-port 4141'))).toEqual([
    'rule 4 of chain PROXY_INIT_OUTPUT: expected redirect-all-outgoing-to-proxy-port, found proxy-init/redirect-all-outgoing-to-proxy-port',
  ]);
  expect(missingRules(typical, `${dump}-A PROXY_INIT_REDIRECT -j RETURN\n`)).toEqual(['chain PROXY_INIT_REDIRECT has 1 rules too many']);
  expect(missingRules(typical, '')).toHaveLength(8);
});
