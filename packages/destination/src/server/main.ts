// weft-destination: flags in, a discovery service until SIGTERM. spec/control-plane.md §1.1.
import { createRegistry, type Http2ClientParams } from '@weft/core';
import { clusterConfig, kubeClient } from '@weft/kube';
import {
  boolFlag,
  createLogger,
  customFlag,
  dnsNameFlag,
  intFlag,
  listenFlag,
  logLevelFlag,
  type MainContext,
  oneOfFlag,
  type Parsed,
  portSetFlag,
  runMain,
  startAdmin,
  startGrpcServer,
  stringFlag,
  VERSION,
} from '@weft/process';
import { destinationService } from '@weft/wire';
import { watchCluster } from './cluster-view.ts';
import { destinationServer } from './destination-server.ts';
import { parseHttp2Params } from './http2-params.ts';
import { createLookups } from './lookups.ts';
import type { DestinationSettings } from './settings.ts';

const http2Params = (text: string): Parsed<Http2ClientParams | undefined> => {
  try {
    return { ok: true, value: text.trim() === '' ? undefined : parseHttp2Params(text) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
};

export const destinationFlags = {
  addr: listenFlag({ default: { port: 8086 }, help: 'address of the gRPC server' }),
  'metrics-addr': listenFlag({ default: { port: 9996 }, help: 'address of the admin server' }),
  kubeconfig: stringFlag({ default: '', help: 'path to a kubeconfig; empty: in the cluster' }),
  'controller-namespace': stringFlag({ default: 'linkerd', help: 'namespace of the control plane' }),
  'outbound-transport-mode': oneOfFlag({ default: 'transparent', values: ['transparent', 'transport-header'], help: 'how meshed endpoints are reached' }),
  'enable-h2-upgrade': boolFlag({ default: true, help: 'lets proxies carry HTTP/1 in HTTP/2' }),
  'enable-endpoint-slices': boolFlag({ default: true, help: 'accepted for compatibility: EndpointSlices are always used' }),
  'enable-ipv6': boolFlag({ default: true, help: 'prefers IPv6 addresses of dual-stack pods' }),
  'identity-trust-domain': dnsNameFlag({ default: 'cluster.local', help: 'trust domain of workload identities' }),
  'cluster-domain': dnsNameFlag({ default: 'cluster.local', help: 'DNS domain of the cluster' }),
  'default-opaque-ports': portSetFlag({ default: [], help: 'ports that are opaque unless annotated otherwise' }),
  'stream-queue-capacity': intFlag({ default: 100, min: 1, help: 'accepted for compatibility: a slow stream holds one state' }),
  'export-queue-metrics': boolFlag({ default: true, help: 'accepted for compatibility' }),
  'meshed-http2-client-params': customFlag<Http2ClientParams | undefined>({
    default: undefined,
    defaultText: '',
    placeholder: 'json',
    help: 'Http2ClientParams for meshed endpoints, with the field names of the protobuf message',
    parse: http2Params,
  }),
  'ext-endpoint-zone-weights': boolFlag({ default: false, help: 'ten times the weight for endpoints in the zone of the client' }),
  'enable-pprof': boolFlag({ default: false, help: 'accepted for compatibility' }),
  'trace-collector': stringFlag({ default: '', help: 'accepted for compatibility' }),
  'log-level': logLevelFlag({ default: 'info', help: 'panic, fatal, error, warn, info, debug, trace' }),
  'log-format': oneOfFlag({ default: 'plain', values: ['plain', 'json'], help: 'format of the log' }),
} as const;

export function destinationMain(): Promise<number> {
  return runMain({ name: 'weft-destination', version: VERSION, description: 'Serves service discovery to proxies.', flags: destinationFlags, run });
}

async function run({ flags, shutdown }: MainContext<typeof destinationFlags>): Promise<void> {
  const settings: DestinationSettings = {
    controllerNamespace: flags['controller-namespace'],
    trustDomain: flags['identity-trust-domain'],
    clusterDomain: flags['cluster-domain'],
    enableH2Upgrade: flags['enable-h2-upgrade'],
    transportMode: flags['outbound-transport-mode'],
    enableIpv6: flags['enable-ipv6'],
    zoneWeights: flags['ext-endpoint-zone-weights'],
    defaultOpaquePorts: flags['default-opaque-ports'],
    meshedHttp2: flags['meshed-http2-client-params'],
  };

  const logger = createLogger({ level: flags['log-level'], format: flags['log-format'], name: 'destination' });
  const registry = createRegistry();
  const client = kubeClient({ ...clusterConfig(flags.kubeconfig), registry });
  shutdown.add('kubernetes client', () => client.close());
  const cluster = watchCluster(client, logger);
  shutdown.add('watches', () => cluster.close());
  const state = { serving: false };
  const admin = await startAdmin({ listen: flags['metrics-addr'], registry, ready: () => state.serving, logger });
  shutdown.add('admin server', () => admin.close());
  await cluster.synced;
  const lookups = createLookups(cluster, settings);
  const server = await startGrpcServer({
    listen: flags.addr,
    services: [[destinationService, destinationServer({ lookups, registry, logger })]],
    logger,
    registry,
  });
  shutdown.add('gRPC server', () => server.close());
  state.serving = true;
  logger.log('info', 'serving discovery', { address: server.address, admin: admin.address });
}
