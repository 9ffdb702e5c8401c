// weft-identity: flags in, a Certify service until SIGTERM. spec/control-plane.md §3.
import { readFileSync } from 'node:fs';
import { createRegistry, isDnsLabel, type Logger, parseGoDuration } from '@weft/core';
import { clusterConfig, kubeClient } from '@weft/kube';
import {
  boolFlag,
  ConfigError,
  createLogger,
  customFlag,
  dnsNameFlag,
  floatFlag,
  intFlag,
  listenFlag,
  logLevelFlag,
  type MainContext,
  type MainWorld,
  oneOfFlag,
  runMain,
  stringFlag,
  VERSION,
} from '@weft/process';
import { startIdentity } from './start-identity.ts';

const LIFETIME = '24h';
const SKEW = '10s';

export const identityFlags = {
  addr: listenFlag({ default: { port: 8080 }, help: 'address of the gRPC server' }),
  'admin-addr': listenFlag({ default: { port: 9990 }, help: 'address of the admin server' }),
  kubeconfig: stringFlag({ default: '', help: 'path to a kubeconfig; empty: in the cluster' }),
  'controller-namespace': customFlag<string>({
    default: 'linkerd',
    placeholder: 'name',
    help: 'namespace of the control plane',
    parse: (text) => (isDnsLabel(text) ? { ok: true, value: text } : { ok: false, error: 'not a DNS label' }),
  }),
  'identity-scheme': stringFlag({ default: '', help: 'type of the issuer Secret: linkerd.io/tls or kubernetes.io/tls; empty: disabled' }),
  'identity-trust-domain': dnsNameFlag({ default: '', help: 'suffix of all identities; empty: disabled' }),
  'identity-issuance-lifetime': stringFlag({ default: LIFETIME, help: 'how long certificates are valid' }),
  'identity-clock-skew-allowance': stringFlag({ default: SKEW, help: 'added at both ends of the lifetime' }),
  issuer: stringFlag({ default: '/var/run/linkerd/identity/issuer', help: 'directory of the issuer certificate and key' }),
  'trust-roots': stringFlag({ default: '/var/run/linkerd/identity/trust-roots/ca-bundle.crt', help: 'file with the trust anchors, PEM' }),
  'kube-apiclient-qps': floatFlag({ default: 100, help: 'requests per second to the API server in the long run; 0 or less: no limit' }),
  'kube-apiclient-burst': intFlag({ default: 200, help: 'requests to the API server at once after a pause' }),
  'enable-pprof': boolFlag({ default: false, help: 'accepted for compatibility' }),
  'trace-collector': stringFlag({ default: '', help: 'accepted for compatibility' }),
  'log-level': logLevelFlag({ default: 'info', help: 'panic, fatal, error, warn, info, debug, trace' }),
  'log-format': oneOfFlag({ default: 'plain', values: ['plain', 'json'], help: 'format of the log' }),
} as const;

/** Resolves with the exit code. `world` stands in for the process in tests. */
export function identityMain(world?: MainWorld): Promise<number> {
  return runMain({
    name: 'weft-identity',
    version: VERSION,
    description: 'Issues certificates to proxies.',
    flags: identityFlags,
    run,
    ...(world && { world }),
  });
}

async function run({ flags, shutdown }: MainContext<typeof identityFlags>): Promise<number | undefined> {
  const scheme = flags['identity-scheme'];
  const trustDomain = flags['identity-trust-domain'];
  const controlPlaneNamespace = flags['controller-namespace'];
  const logger = createLogger({ level: flags['log-level'], format: flags['log-format'], name: 'identity' });
  if (scheme === '' || trustDomain === '') {
    logger.log('info', 'identity is disabled: no scheme or no trust domain');
    return 0;
  }

  const problems: string[] = [];
  attempt(problems, '-trust-roots', () => readFileSync(flags['trust-roots']));
  const cluster = attempt(problems, '-kubeconfig', () => clusterConfig(flags.kubeconfig));
  if (problems.length > 0 || !cluster) throw new ConfigError(problems);
  const rate = { qps: flags['kube-apiclient-qps'], burst: flags['kube-apiclient-burst'] };
  const registry = createRegistry();
  const client = kubeClient({ ...cluster, registry, ...(rate.qps > 0 && { rate }) });
  shutdown.add('kubernetes client', () => client.close());
  await startIdentity({
    listen: flags.addr,
    adminListen: flags['admin-addr'],
    client,
    controlPlaneNamespace,
    trustDomain,
    scheme,
    issuerDir: flags.issuer,
    trustRoots: flags['trust-roots'],
    lifetimeMs: duration(flags, 'identity-issuance-lifetime', LIFETIME, logger),
    skewMs: duration(flags, 'identity-clock-skew-allowance', SKEW, logger),
    shutdown,
    logger,
    registry,
  });
  return undefined;
}

/** What `read` gives, or undefined and one more problem. */
function attempt<T>(problems: string[], flag: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push(`${flag}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** A bad duration is no reason to leave the mesh without certificates: the default is used instead. */
function duration(flags: Readonly<Record<string, unknown>>, name: keyof typeof identityFlags, fallback: string, logger: Logger): number {
  const text = String(flags[name]);
  const parsed = parseGoDuration(text);
  if (parsed !== undefined && parsed >= 0) return parsed;
  logger.log('warn', 'a duration cannot be read, its default is used', { flag: name, value: text, default: fallback });
  return parseGoDuration(fallback) ?? 0;
}
