// weft-init: proxy-init's flags in, rules in the kernel. spec/injector-cli.md §2.1.
import type { Logger } from '@weft/core';
import {
  applyRules,
  execute,
  type FirewallMode,
  findFirewall,
  InitError,
  inNamespace,
  installCommands,
  type RedirectSettings,
  redirectRules,
} from '@weft/init';
import {
  boolFlag,
  ConfigError,
  createLogger,
  ExitCode,
  type FlagValues,
  intFlag,
  listFlag,
  type MainContext,
  oneOfFlag,
  parseLogLevel,
  runMain,
  stringFlag,
  VERSION,
} from '@weft/process';

export const initFlags = {
  'incoming-proxy-port': intFlag({ default: -1, help: 'Port that inbound traffic is redirected to', short: 'p' }),
  'outgoing-proxy-port': intFlag({ default: -1, help: 'Port that outbound traffic is redirected to', short: 'o' }),
  'proxy-uid': intFlag({ default: -1, help: 'User whose traffic is not redirected', short: 'u' }),
  'proxy-gid': intFlag({ default: -1, help: 'Group whose traffic is not redirected', short: 'g' }),
  'ports-to-redirect': listFlag({ default: [], help: 'Redirect only these inbound ports', short: 'r' }),
  'inbound-ports-to-ignore': listFlag({ default: [], help: 'Inbound ports and ranges to leave alone' }),
  'outbound-ports-to-ignore': listFlag({ default: [], help: 'Outbound ports and ranges to leave alone' }),
  'subnets-to-ignore': listFlag({ default: [], help: 'Source networks whose inbound traffic to leave alone' }),
  simulate: boolFlag({ default: false, help: 'Print the commands, run none' }),
  netns: stringFlag({ default: '', help: 'Network namespace (path) to program' }),
  'use-wait-flag': boolFlag({ default: false, help: 'Accepted for compatibility: the lock of the tables is always waited for', short: 'w' }),
  'timeout-close-wait-secs': intFlag({ default: 0, min: 0, help: 'Sets nf_conntrack_tcp_timeout_close_wait first' }),
  'log-format': oneOfFlag({ default: 'plain', values: ['plain', 'json'], help: 'Format of the log' }),
  'log-level': stringFlag({ default: 'info', help: 'Level of the log' }),
  'iptables-mode': oneOfFlag({ default: '', values: ['', 'legacy', 'nft', 'plain'], help: 'Which iptables to use; overrides the paths' }),
  'firewall-bin-path': oneOfFlag({ default: '', values: ['', 'iptables-legacy', 'iptables-nft', 'iptables'], help: 'Which iptables to use' }),
  'firewall-save-bin-path': stringFlag({ default: '', help: 'Accepted for compatibility' }),
  ipv6: boolFlag({ default: true, help: 'Program ip6tables as well' }),
} as const;

type InitValues = FlagValues<typeof initFlags>;

export function initMain(): Promise<number> {
  return runMain({ name: 'weft-init', version: VERSION, description: 'Redirects the traffic of a pod to its proxy by iptables.', flags: initFlags, run });
}

async function run({ flags }: MainContext<typeof initFlags>): Promise<number> {
  const level = parseLogLevel(flags['log-level']);
  const numbers = flags['ports-to-redirect'].map(Number);
  const errors = [
    ...(level ? [] : [`--log-level ${JSON.stringify(flags['log-level'])}: no such level`]),
    ...flags['ports-to-redirect'].filter((text) => !/^[0-9]+$/.test(text)).map((text) => `--ports-to-redirect ${JSON.stringify(text)}: not a port`),
  ];
  if (!level || errors.length > 0) throw new ConfigError(errors);
  const logger = createLogger({ level, format: flags['log-format'], name: 'init' });
  const settings: RedirectSettings = {
    incomingProxyPort: flags['incoming-proxy-port'],
    outgoingProxyPort: flags['outgoing-proxy-port'],
    proxyUid: flags['proxy-uid'],
    proxyGid: flags['proxy-gid'],
    portsToRedirect: numbers,
    inboundPortsToIgnore: flags['inbound-ports-to-ignore'],
    outboundPortsToIgnore: flags['outbound-ports-to-ignore'],
    subnetsToIgnore: flags['subnets-to-ignore'],
  };
  try {
    for (const family of flags.ipv6 ? ([4, 6] as const) : ([4] as const)) await program(settings, family, flags, logger);
    return ExitCode.OK;
  } catch (error) {
    if (!(error instanceof InitError)) throw error;
    if (error.code === 'SETTINGS_INVALID') throw new ConfigError(error.problems, { cause: error });
    for (const problem of error.problems) logger.log('error', problem);
    return ExitCode.FAILED;
  }
}

async function program(settings: RedirectSettings, family: 4 | 6, flags: InitValues, logger: Logger): Promise<void> {
  // Source networks are of one family each; the other family's table must not see them.
  const own = (cidr: string): boolean => cidr.includes(':') === (family === 6);
  const table = redirectRules({ ...settings, subnetsToIgnore: settings.subnetsToIgnore?.filter((cidr) => own(cidr) || !/^[0-9a-fA-F.:/\s]+$/.test(cidr)) });
  if (flags.simulate) {
    for (const command of installCommands(table)) logger.log('info', command.join(' '), { simulated: true });
    return;
  }
  const run = flags.netns === '' ? execute : inNamespace(flags.netns);
  if (flags['timeout-close-wait-secs'] > 0) {
    await run(['sysctl', '-w', `net.netfilter.nf_conntrack_tcp_timeout_close_wait=${flags['timeout-close-wait-secs']}`]);
  }
  const programs = await findFirewall(wantedMode(flags), family);
  const rules = await applyRules(table, { programs, execute: run });
  logger.log('info', 'the rules are in place', { firewall: programs.command });
  logger.log('debug', rules);
}

/** The mode wins over the path; without either, legacy. */
function wantedMode(flags: InitValues): FirewallMode {
  if (flags['iptables-mode'] !== '') return flags['iptables-mode'];
  const path = flags['firewall-bin-path'];
  return path === 'iptables-nft' ? 'nft' : path === 'iptables' ? 'plain' : 'legacy';
}
