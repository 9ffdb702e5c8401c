// The identity process without its command line: admin server, issuer, token review, Certify over gRPC. spec/control-plane.md §3.
import { createRegistry, type Logger, type MetricRegistry, type SocketAddress } from '@weft/core';
import { type KubeClient, tokenReviewer } from '@weft/kube';
import { type ListenAddress, type Shutdown, startAdmin, startGrpcServer } from '@weft/process';
import { identityService } from '@weft/wire';
import { createCertifier } from './certifier.ts';
import { certifyService } from './certify-service.ts';
import { identityEvents } from './identity-events.ts';
import { type IssuerSource, issuerSource } from './issuer-source.ts';

export interface StartIdentityOptions {
  readonly listen: ListenAddress;
  readonly adminListen: ListenAddress;
  /** Reviews tokens and takes events. Stays the caller's to close. */
  readonly client: KubeClient;
  readonly controlPlaneNamespace: string;
  readonly trustDomain: string;
  /** Type of the issuer Secret: decides on the names of the files. */
  readonly scheme: string;
  readonly issuerDir: string;
  /** File with the trust anchors, PEM. */
  readonly trustRoots: string;
  readonly lifetimeMs: number;
  readonly skewMs: number;
  /** Takes a step for everything that is opened here. */
  readonly shutdown: Pick<Shutdown, 'add'>;
  readonly logger: Logger;
  readonly registry?: MetricRegistry;
}

export interface RunningIdentity {
  readonly address: SocketAddress | undefined;
  readonly adminAddress: SocketAddress;
}

/** Resolves when serving. Rejects when tokens may not be reviewed or the issuer cannot be used. */
export async function startIdentity(options: StartIdentityOptions): Promise<RunningIdentity> {
  const { client, controlPlaneNamespace, trustDomain, shutdown, logger, registry = createRegistry() } = options;
  const state = { serving: false };
  const admin = await startAdmin({ listen: options.adminListen, registry, ready: () => state.serving, logger });
  shutdown.add('admin server', () => admin.close());
  await checkAccess(client);
  const events = identityEvents({ client, controllerNamespace: controlPlaneNamespace, logger });
  const reloads = registry.counter('weft_identity_reloads_total', 'Changes of the mounted issuer or trust anchors by result');
  const issuer = await issuerSource({
    dir: options.issuerDir,
    scheme: options.scheme,
    trustRoots: options.trustRoots,
    authority: { lifetimeMs: options.lifetimeMs, skewMs: options.skewMs },
    logger,
    onReload(outcome) {
      reloads.with({ result: outcome.kind }).inc();
      if (outcome.kind === 'updated') events.issuerUpdated();
      else events.issuerUpdateSkipped(outcome.message);
    },
  });
  shutdown.add('issuer', () => issuer.close());
  exposeExpiry(registry, issuer);

  const certifier = createCertifier({ controlPlaneNamespace, trustDomain, authority: () => issuer.current, tokenReview: tokenReviewer(client) });
  const service = certifyService({
    certifier,
    metrics: registry,
    logger,
    onIssued: (certified) => events.issued(certified),
    onIssuerInvalid: (message) => events.issuerValidationFailed(message),
  });
  const server = await startGrpcServer({ listen: options.listen, services: [[identityService, { ...service }]], logger, registry });
  shutdown.add('gRPC server', () => server.close());
  state.serving = true;
  logger.log('info', 'serving certificates', { address: server.address, admin: admin.address });
  return { address: server.address, adminAddress: admin.address };
}

/** Both go below zero once it is too late. */
function exposeExpiry(registry: MetricRegistry, issuer: IssuerSource): void {
  const issuerTtl = registry.gauge('issuer_cert_ttl_seconds', 'Time until the issuer certificate expires, in seconds').with();
  const anchorTtl = registry.gauge('weft_identity_trust_anchor_ttl_seconds', 'Time until the first of the trust anchors expires, in seconds').with();
  registry.beforeRender(() => {
    issuerTtl.set((issuer.current.expiresAt - Date.now()) / 1000);
    anchorTtl.set((issuer.anchorsExpireAt - Date.now()) / 1000);
  });
}

/** Without the right to review tokens every request would be refused; better not to start. */
async function checkAccess(client: KubeClient): Promise<void> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews', verb: 'create' } },
  };
  const answer = (await client.raw('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review)) as {
    readonly status?: { readonly allowed?: boolean; readonly reason?: string };
  };
  if (answer.status?.allowed !== true) throw new Error(`not allowed to create tokenreviews: ${answer.status?.reason ?? 'no reason given'}`);
}
