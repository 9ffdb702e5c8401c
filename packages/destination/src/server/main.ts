// weft-destination: flags in, a discovery service until SIGTERM. spec/control-plane.md §1.1.
import { hostname } from 'node:os';
import { createRegistry } from '@weft/core';
import { clusterConfig, kubeClient } from '@weft/kube';
import { ConfigError, createLogger, type MainContext, runMain, startAdmin, startGrpcServer, VERSION } from '@weft/process';
import { startDiscovery } from './discovery.ts';
import { destinationFlags } from './flags.ts';
import type { DestinationSettings } from './settings.ts';

export function destinationMain(): Promise<number> {
  return runMain({ name: 'weft-destination', version: VERSION, description: 'Serves service discovery to proxies.', flags: destinationFlags, run });
}

async function run({ flags, shutdown, env }: MainContext<typeof destinationFlags>): Promise<void> {
  if (flags['enable-ipv6'] && !flags['enable-endpoint-slices']) {
    throw new ConfigError(['flag -enable-ipv6 needs -enable-endpoint-slices: set -enable-ipv6=false to read Endpoints']);
  }
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
  const state = { serving: false };
  const admin = await startAdmin({ listen: flags['metrics-addr'], registry, ready: () => state.serving, logger });
  shutdown.add('admin server', () => admin.close());
  const discovery = startDiscovery({
    client,
    settings,
    registry,
    logger,
    endpoints: flags['enable-endpoint-slices'] ? 'slices' : 'endpoints',
    // In a pod both are its name.
    writer: { identity: env['HOSTNAME'] || hostname() },
  });
  shutdown.add('watches', () => discovery.close());
  // Nothing is answered before everything is known: a client would take it for the truth.
  await discovery.synced;
  const server = await startGrpcServer({ listen: flags.addr, services: [discovery.server.service], logger, registry });
  shutdown.add('gRPC server', () => server.close());
  shutdown.add('streams', () => discovery.server.close());
  state.serving = true;
  logger.log('info', 'serving discovery', { address: server.address, admin: admin.address });
}
