// What the service tells the cluster: Kubernetes events. Losing one harms nobody. spec/control-plane.md §3, "Events".
import { createHash } from 'node:crypto';
import type { Logger } from '@weft/core';
import { eventKind, type KubeClient } from '@weft/kube';
import type { Certified } from './certifier.ts';

export interface IdentityEvents {
  issuerUpdated(): void;
  issuerUpdateSkipped(message: string): void;
  issuerValidationFailed(message: string): void;
  issued(certified: Certified): void;
}

const COMPONENT = 'linkerd-identity';

export function identityEvents(client: KubeClient, controllerNamespace: string, logger: Logger): IdentityEvents {
  const emit = (
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    on: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string },
  ): void => {
    const now = new Date().toISOString();
    const event = {
      metadata: { generateName: `${on.name}.`, namespace: on.namespace },
      involvedObject: on,
      type,
      reason,
      message,
      source: { component: COMPONENT },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    client.create(eventKind, event).catch((error: unknown) => logger.log('debug', 'an event could not be written', { event: reason, error }));
  };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: controllerNamespace, name: COMPONENT };
  return {
    issuerUpdated: () => emit('Normal', 'IssuerUpdated', 'Updated identity issuer', deployment),
    issuerUpdateSkipped: (message) =>
      emit('Warning', 'IssuerUpdateSkipped', `Skipping issuer update as certs could not be read from disk: ${message}`, deployment),
    issuerValidationFailed: (message) => emit('Warning', 'IssuerValidationFailed', message, deployment),
    issued({ certificate, owner }) {
      const hash = createHash('sha256').update(certificate.leaf).digest('hex');
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: owner.namespace, name: owner.name };
      const expires = new Date(certificate.expiresAt).toISOString();
      emit('Normal', 'IssuedLeafCertificate', `issued certificate for ${certificate.identity} until ${expires}: ${hash}`, account);
    },
  };
}
