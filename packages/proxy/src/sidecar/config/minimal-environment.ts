// The least environment that is accepted, for tests.
import type { Environment } from './read-variables.ts';

// A self-signed P-256 certificate whose key was thrown away: only its encoding matters.
export const SAMPLE_ANCHOR = `-----BEGIN CERTIFICATE-----
MIIBoDCCAUegAwIBAgIUX4SQdUj467OM0TduhGKbepnrt/wwCgYIKoZIzj0EAwIw
JTEjMCEGA1UEAwwacm9vdC5saW5rZXJkLmNsdXN0ZXIubG9jYWwwIBcNMjYxMTIz
MTU0NzU2WhgPMjEyNjEwMzAxNTQ3NTZaMCUxIzAhBgNVBAMMGnJvb3QubGlua2Vy
ZC5jbHVzdGVyLmxvY2FsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXwi84rX6
IDtBDq0rDM4W9dAtf/baxRfsmQU3J71HSLw20QKgduviZK06oPugcNA8yjoh3ZEp
7vyyK+VDKc2h2aNTMFEwHQYDVR0OBBYEFMbNNB0KBoTGZbVG24UrvpOGJQ1NMB8G
A1UdIwQYMBaAFMbNNB0KBoTGZbVG24UrvpOGJQ1NMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgQK/VKDvOdgqfF5/L6s+vNCPgQTLqvqP8pTKDrESM
IacCIBpRzzMPU2t3DlggEblo9CipQpG0Ir6pTakXbWMbfCp9
-----END CERTIFICATE-----
`;

export const MINIMAL_ENVIRONMENT: Environment = {
  LINKERD2_PROXY_DESTINATION_SVC_ADDR: 'localhost.:8086',
  LINKERD2_PROXY_POLICY_SVC_ADDR: '127.0.0.1:8090',
  LINKERD2_PROXY_IDENTITY_SVC_ADDR: '[::1]:8080',
  LINKERD2_PROXY_POLICY_WORKLOAD: '{"ns":"emojivoto","pod":"web-1"}',
  LINKERD2_PROXY_IDENTITY_DIR: '/var/run/linkerd/identity/end-entity',
  LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS: SAMPLE_ANCHOR,
  LINKERD2_PROXY_IDENTITY_TOKEN_FILE: '/var/run/secrets/tokens/linkerd-identity-token',
  LINKERD2_PROXY_IDENTITY_LOCAL_NAME: 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local',
};
