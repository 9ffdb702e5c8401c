// weft-policy: flags in, the policy services until SIGTERM. spec/control-plane.md §2.1.
import { createRegistry, DEFAULT_POLICY_NAMES, type IpNetwork, parseNetwork } from '@weft/core';
import { clusterConfig, kubeClient } from '@weft/kube';
import {
  boolFlag,
  createLogger,
  customFlag,
  dnsNameFlag,
  type Flag,
  intFlag,
  listenFlag,
  logFilterFlag,
  type MainContext,
  oneOfFlag,
  portSetFlag,
  runMain,
  startAdmin,
  startGrpcServer,
  stringFlag,
  VERSION,
} from '@weft/process';
import { inboundPoliciesService, outboundPoliciesService } from '@weft/wire';
import { watchPolicyCluster } from './cluster-view.ts';
import { createPolicyLookups } from './lookups.ts';
import { policyServer } from './policy-server.ts';
import type { PolicySettings } from './settings.ts';

const networks = (text: string): readonly IpNetwork[] => text.split(',').flatMap((item) => parseNetwork(item.trim()) ?? []);

function networksFlag(defaultText: string, help: string): Flag<readonly IpNetwork[]> {
  return customFlag<readonly IpNetwork[]>({
    default: networks(defaultText),
    defaultText,
    placeholder: 'cidrs',
    help,
    parse(text) {
      const items = text.split(',').filter((item) => item.trim() !== '');
      const bad = items.filter((item) => !parseNetwork(item.trim()));
      return bad.length > 0 ? { ok: false, error: `not a network: ${bad.join(', ')}` } : { ok: true, value: networks(items.join()) };
    },
  });
}

export const policyFlags = {
  'grpc-addr': listenFlag({ default: { host: '0.0.0.0', port: 8090 }, help: 'address of the gRPC server' }),
  'admin-addr': listenFlag({ default: { port: 9990 }, help: 'address of the admin server' }),
  kubeconfig: stringFlag({ default: '', help: 'path to a kubeconfig; empty: in the cluster' }),
  'cluster-networks': networksFlag('10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16', 'networks of the cluster'),
  'probe-networks': networksFlag('', 'networks that probes come from'),
  'identity-domain': dnsNameFlag({ default: 'cluster.local', help: 'trust domain of workload identities' }),
  'cluster-domain': dnsNameFlag({ default: 'cluster.local', help: 'DNS domain of the cluster' }),
  'control-plane-namespace': stringFlag({ default: 'linkerd', help: 'namespace of the control plane' }),
  'default-policy': oneOfFlag({ default: 'all-unauthenticated', values: DEFAULT_POLICY_NAMES, help: 'inbound policy of ports that nothing else governs' }),
  'default-opaque-ports': portSetFlag({ default: [], help: 'ports of Services that are opaque unless annotated otherwise' }),
  'admission-controller-disabled': boolFlag({ default: false, help: 'accepted for compatibility: there is no admission controller yet' }),
  'server-addr': listenFlag({ default: { port: 9443 }, help: 'accepted for compatibility' }),
  'server-tls-key': stringFlag({ default: '', help: 'accepted for compatibility' }),
  'server-tls-certs': stringFlag({ default: '', help: 'accepted for compatibility' }),
  'policy-deployment-name': stringFlag({ default: 'linkerd-destination', help: 'accepted for compatibility' }),
  'patch-timeout-ms': intFlag({ default: 5000, min: 0, help: 'accepted for compatibility' }),
  'global-egress-network-namespace': stringFlag({ default: 'linkerd-egress', help: 'accepted for compatibility: EgressNetworks are not read yet' }),
  'allow-l5d-request-headers': boolFlag({ default: false, help: 'lets applications set retries and timeouts by l5d-* headers' }),
  'log-level': logFilterFlag({ default: 'info', defaultText: 'linkerd=info,warn', help: 'a level, or a filter' }),
  'log-format': oneOfFlag({ default: 'plain', values: ['plain', 'json'], help: 'format of the log' }),
} as const;

export function policyMain(): Promise<number> {
  return runMain({ name: 'weft-policy', version: VERSION, description: 'Serves inbound and outbound policy to proxies.', flags: policyFlags, run });
}

async function run({ flags, shutdown }: MainContext<typeof policyFlags>): Promise<void> {
  const settings: PolicySettings = {
    clusterDomain: flags['cluster-domain'],
    clusterNetworks: flags['cluster-networks'],
    defaultPolicy: flags['default-policy'],
    defaultOpaquePorts: flags['default-opaque-ports'],
    probeNetworks: flags['probe-networks'],
    allowL5dHeaders: flags['allow-l5d-request-headers'],
  };

  const logger = createLogger({ level: flags['log-level'], format: flags['log-format'], name: 'policy' });
  const registry = createRegistry();
  const client = kubeClient({ ...clusterConfig(flags.kubeconfig), registry });
  shutdown.add('kubernetes client', () => client.close());
  const cluster = watchPolicyCluster(client, logger);
  shutdown.add('watches', () => cluster.close());
  const state = { serving: false };
  const admin = await startAdmin({ listen: flags['admin-addr'], registry, ready: () => state.serving, style: 'proxy', logger });
  shutdown.add('admin server', () => admin.close());
  await cluster.synced;
  const services = policyServer({ lookups: createPolicyLookups(cluster, settings), registry, logger });
  const server = await startGrpcServer({
    listen: flags['grpc-addr'],
    services: [
      [inboundPoliciesService, services.inbound],
      [outboundPoliciesService, services.outbound],
    ],
    logger,
    registry,
  });
  shutdown.add('gRPC server', () => server.close());
  state.serving = true;
  logger.log('info', 'serving policies', { address: server.address, admin: admin.address });
}
