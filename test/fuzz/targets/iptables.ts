// The text of iptables-save, and the settings of the redirect rules: checks answer, refusals are InitErrors.
import { InitError, installCommands, missingRules, redirectRules, restoreDocument } from '@weft/init';
import { attempt, type FuzzTarget, hold, kindOf, texts } from '../target.ts';

const TABLE = redirectRules({
  incomingProxyPort: 4143,
  outgoingProxyPort: 4140,
  proxyUid: 2102,
  inboundPortsToIgnore: ['4190', '4191', '25-26'],
  outboundPortsToIgnore: ['443'],
});
const DOCUMENT = restoreDocument(TABLE);

const save: FuzzTarget = {
  name: 'iptables-save',
  tokens: [
    '-A ',
    'PROXY_INIT_REDIRECT ',
    'PROXY_INIT_OUTPUT',
    '--comment ',
    '"',
    '\\"',
    '-j RETURN',
    '--to-ports 4143',
    '\n',
    ':',
    ' - [0:0]',
    'COMMIT',
    '*nat',
  ],
  seeds: () => texts(DOCUMENT, '# Generated\n*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m comment --comment "a \\" b" -j X\nCOMMIT\n'),
  run(input) {
    const dump = input.toString('utf8');
    const missing = missingRules(TABLE, dump);
    const commands = installCommands(TABLE, dump);
    hold(commands.length > 0, 'nothing would be installed');
    const rest = missingRules(TABLE, restoreDocument(TABLE));
    hold(rest.length === 0, `the installed rules lack ${rest[0]}`);
    return `${Math.min(missing.length, 20)} ${commands.length}`;
  },
};

/** Lines: ports to ignore inbound, outbound, subnets. */
const settings: FuzzTarget = {
  name: 'redirect-settings',
  tokens: [',', '-', '/', '\n', '65535', '65536', '10.0.0.0/8', 'fd00::/8', '0'],
  seeds: () => texts('4190,4191,25-26\n443\n10.0.0.0/8', '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n\n'),
  run(input) {
    const [inbound = '', outbound = '', subnets = ''] = input.toString('utf8').split('\n');
    const list = (text: string): readonly string[] => (text === '' ? [] : text.split(','));
    const made = attempt(
      () =>
        redirectRules({
          incomingProxyPort: 4143,
          outgoingProxyPort: 4140,
          proxyUid: 2102,
          inboundPortsToIgnore: list(inbound),
          outboundPortsToIgnore: list(outbound),
          subnetsToIgnore: list(subnets),
        }),
      InitError,
    );
    if ('error' in made) return kindOf(made.error);
    const document = restoreDocument(made.value);
    const problems = missingRules(made.value, document);
    hold(problems.length === 0, `what is installed is not found again: ${problems[0]}`);
    return `${made.value.chains.map((chain) => Math.min(chain.rules.length, 9)).join(' ')}`;
  },
};

export const iptablesTargets = [save, settings];
