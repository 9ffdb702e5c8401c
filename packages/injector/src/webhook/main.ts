// weft-injector: flags in, the admission webhook until SIGTERM. spec/injector-cli.md §1.8.
import { readFile } from 'node:fs/promises';
import { createRegistry, type MetricRegistry, systemClock } from '@weft/core';
import { clusterConfig, kubeClient } from '@weft/kube';
import {
  boolFlag,
  ConfigError,
  createLogger,
  listenFlag,
  logLevelFlag,
  type MainContext,
  oneOfFlag,
  runMain,
  startAdmin,
  stringFlag,
  VERSION,
} from '@weft/process';
import { SKIP_TEXTS } from '../decision/decide.ts';
import { readValues } from '../values/read-values.ts';
import type { InjectorValues } from '../values/values.ts';
import type { AdmissionObserver } from './admission.ts';
import { clusterLookups } from './cluster-lookups.ts';
import { startWebhook } from './server.ts';

export const injectorFlags = {
  addr: listenFlag({ default: { port: 8443 }, help: 'address of the webhook' }),
  'metrics-addr': listenFlag({ default: { port: 9995 }, help: 'address of the admin server' }),
  kubeconfig: stringFlag({ default: '', help: 'path to a kubeconfig; empty: in the cluster' }),
  'linkerd-namespace': stringFlag({ default: 'linkerd', help: 'namespace of the control plane' }),
  'tls-cert': stringFlag({ default: '/var/run/linkerd/tls/tls.crt', help: 'serving certificate as PEM, reloaded when it changes' }),
  'tls-key': stringFlag({ default: '/var/run/linkerd/tls/tls.key', help: 'its key as PEM' }),
  values: stringFlag({ default: '/var/run/linkerd/config/values', help: 'values as YAML, read for every review' }),
  'trust-roots': stringFlag({ default: '/var/run/linkerd/identity/trust-roots/ca-bundle.crt', help: 'trust anchors as PEM, read for every review' }),
  'enable-pprof': boolFlag({ default: false, help: 'accepted for compatibility' }),
  'trace-collector': stringFlag({ default: '', help: 'accepted for compatibility' }),
  'log-level': logLevelFlag({ default: 'info', help: 'panic, fatal, error, warn, info, debug, trace' }),
  'log-format': oneOfFlag({ default: 'plain', values: ['plain', 'json'], help: 'format of the log' }),
} as const;

export function injectorMain(): Promise<number> {
  return runMain({ name: 'weft-injector', version: VERSION, description: 'Adds proxies to pods as an admission webhook.', flags: injectorFlags, run });
}

async function run({ flags, shutdown }: MainContext<typeof injectorFlags>): Promise<void> {
  const logger = createLogger({ level: flags['log-level'], format: flags['log-format'], name: 'injector' });
  const registry = createRegistry();

  const values = async (): Promise<InjectorValues> => {
    const [yaml, trustAnchorsPem] = await Promise.all([readFile(flags.values, 'utf8'), readFile(flags['trust-roots'], 'utf8')]);
    return { ...readValues(yaml, { trustAnchorsPem, version: VERSION }), controlPlaneNamespace: flags['linkerd-namespace'], trustAnchorsPem };
  };
  await checkFiles([flags.values, flags['trust-roots'], flags['tls-cert'], flags['tls-key']]);
  await values().catch((error: unknown) => {
    throw new ConfigError([`${flags.values}: ${messageOf(error)}`], { cause: error });
  });
  const client = kubeClient({ ...clusterConfig(flags.kubeconfig), registry });
  shutdown.add('kubernetes client', () => client.close());
  const cluster = clusterLookups(client, logger);
  shutdown.add('watches', () => cluster.close());
  const state = { serving: false };
  const admin = await startAdmin({ listen: flags['metrics-addr'], registry, ready: () => state.serving, logger });
  shutdown.add('admin server', () => admin.close());
  await cluster.synced;
  const observer = observe(registry, (event) => {
    for (const warning of event.warnings) logger.log('warn', 'an annotation is not valid', { namespace: event.namespace, owner: event.owner, warning });
    const skipped = event.skipped.length > 0;
    logger.log('info', skipped ? 'not injected' : 'injected', {
      kind: event.kind,
      namespace: event.namespace,
      owner: event.owner,
      ...(skipped ? { reasons: event.skipped.map((reason) => SKIP_TEXTS[reason]) } : {}),
    });
  });
  const { host = '0.0.0.0', port } = flags.addr;
  const server = await startWebhook({
    listen: { host, port },
    certFile: flags['tls-cert'],
    keyFile: flags['tls-key'],
    lookups: { ...cluster, values },
    observer,
    clock: systemClock(),
    logger,
  });
  shutdown.add('webhook', () => server.close());
  state.serving = true;
  logger.log('info', 'serving the webhook', { port: server.port, admin: admin.address });
}

/** Names every file that cannot be read. */
async function checkFiles(files: readonly string[]): Promise<void> {
  const results = await Promise.allSettled(files.map((file) => readFile(file)));
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
  if (errors.length > 0) throw new ConfigError(errors);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

type Decided = Parameters<AdmissionObserver['decided']>[0];

function observe(registry: MetricRegistry, log: (event: Decided) => void): AdmissionObserver {
  const requests = registry.counter('proxy_inject_admission_requests_total', 'Admission requests by owner kind and namespace');
  const responses = registry.counter('proxy_inject_admission_responses_total', 'Admission responses by owner kind, namespace and outcome');
  return {
    decided(event) {
      const labels = { owner_kind: event.kind, namespace: event.namespace, annotation_at: event.at };
      requests.with(labels).inc();
      responses.with({ ...labels, skip: String(event.skipped.length > 0 && !event.patched), skip_reason: event.skipped.join(',') }).inc();
      log(event);
    },
  };
}
