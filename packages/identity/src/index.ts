// Identity of workloads: a certificate authority, the client that keeps a workload certified, and chain verification.
// The Certify service over gRPC and its process are in `@weft/identity/server`; parts can be imported alone.
// Example: const identity = identityClient({ channel, localName, tokenFile, anchors }); await settled(identity.credentials);

export { type Authority, type AuthorityOptions, type IssuedCertificate, loadAuthority } from './authority/authority.ts';
export type { CertificateRequest } from './authority/certificate-request.ts';
export { type CreateAuthorityOptions, type CreatedAuthority, createAuthority } from './authority/create-authority.ts';
export type { IssuerPem } from './authority/issuer.ts';
export { createKeyAndRequest, type KeyAndRequest } from './authority/key-and-request.ts';
export type { CryptoProvider } from './authority/x509.ts';
export { certificatesFromPem, certificatesToPem } from './certificate/pem.ts';
export { type ChainToVerify, chainProblem } from './certificate/verify-chain.ts';
export { type IdentityClient, type IdentityClientOptions, identityClient } from './client/identity-client.ts';
export { type SpiffeClientOptions, spiffeClient } from './client/spiffe/spiffe-client.ts';
