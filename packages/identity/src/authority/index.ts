// A certificate authority without Kubernetes and without gRPC: from a stored issuer or self-generated.
// Issues one kind of certificate: a workload's, with one name (DNS or SPIFFE), for both sides of TLS.
// Example: const authority = await createAuthority({ trustDomain: 'cluster.local' }); await authority.issue(csr, identity);
export { certificatesFromPem, certificatesToPem } from '../certificate/pem.ts';
export { type ChainToVerify, chainProblem } from '../certificate/verify-chain.ts';
export { type Authority, type AuthorityOptions, type IssuedCertificate, loadAuthority } from './authority.ts';
export type { CertificateRequest } from './certificate-request.ts';
export { type CreateAuthorityOptions, type CreatedAuthority, createAuthority } from './create-authority.ts';
export type { IssuerPem } from './issuer.ts';
export { createKeyAndRequest, type KeyAndRequest } from './key-and-request.ts';
export type { CryptoProvider } from './x509.ts';
