// The Certify service: every check of a request, its gRPC face and its process.
// Certificates are issued by an `Authority`; tokens are reviewed through a port, so no cluster is needed.
// Example: server.addService(identityService, { ...certifyService({ certifier: createCertifier(options), metrics }) });
export { type Certified, type Certifier, type CertifierOptions, createCertifier, TOKEN_AUDIENCE } from './certifier.ts';
export { type CertifyService, type CertifyServiceOptions, certifyService } from './certify-service.ts';
export { CERTIFY_STATUS, CertifyError, type CertifyStep } from './certify-status.ts';
export { identityFlags, identityMain } from './identity-main.ts';
export { type RunningIdentity, type StartIdentityOptions, startIdentity } from './start-identity.ts';
