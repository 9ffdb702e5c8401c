// Certification of workload identities. spec/wire.md, identity.proto.
import type { ServiceDefinition } from '@grpc/grpc-js';
import { unary } from './method.ts';

export const identityService = {
  Certify: unary('identity.Identity/Certify', 'identity.CertifyRequest', 'identity.CertifyResponse'),
} satisfies ServiceDefinition;
