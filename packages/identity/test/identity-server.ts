// A Certify service on a loopback port, with a token review that a test scripts.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { createRegistry, type MetricRegistry, memoryLogger, type TokenReviewResult } from '@weft/core';
import { grpcChannel, identityService, type RpcChannel } from '@weft/wire';
import type { Authority } from '../src/authority/authority.ts';
import { type Certified, createCertifier } from '../src/server/certifier.ts';
import { certifyService } from '../src/server/certify-service.ts';

export interface IdentityServer extends AsyncDisposable {
  readonly port: number;
  readonly metrics: MetricRegistry;
  readonly log: ReturnType<typeof memoryLogger>;
  readonly issued: readonly Certified[];
  /** Audiences of each review so far. */
  readonly reviews: readonly (readonly string[])[];
  /** What happens on issuer trouble. */
  readonly issuerTroubles: readonly string[];
  authority: Authority | undefined;
  /** Replaces the token review. The default believes a token that is `<ns>/<service account>`. */
  review: (token: string, audiences: readonly string[]) => TokenReviewResult;
  channel(): RpcChannel;
}

export async function identityServer(authority: Authority | undefined): Promise<IdentityServer> {
  const metrics = createRegistry();
  const log = memoryLogger();
  const issued: Certified[] = [];
  const reviews: (readonly string[])[] = [];
  const issuerTroubles: string[] = [];
  const channels: RpcChannel[] = [];
  const certifier = createCertifier({
    controlPlaneNamespace: 'linkerd',
    trustDomain: 'cluster.local',
    authority: () => server.authority,
    tokenReview: {
      review: async (token, audiences) => {
        reviews.push(audiences);
        return server.review(token, audiences);
      },
    },
  });
  const grpc = new Server();
  const service = certifyService({
    certifier,
    metrics,
    logger: log,
    onIssued: (certified) => issued.push(certified),
    onIssuerInvalid: (message) => issuerTroubles.push(message),
  });
  grpc.addService(identityService, { ...service });
  const port = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  const server: IdentityServer = {
    port,
    metrics,
    log,
    issued,
    reviews,
    issuerTroubles,
    authority,
    review: (token) => ({ kind: 'authenticated', username: `system:serviceaccount:${token.replace('/', ':')}` }),
    channel() {
      const channel = grpcChannel({ target: `127.0.0.1:${port}` });
      channels.push(channel);
      return channel;
    },
    async [Symbol.asyncDispose]() {
      for (const channel of channels) channel.close();
      grpc.forceShutdown();
    },
  };
  return server;
}
