// What the service tells the cluster: Kubernetes events. Losing one harms nobody, so their number is bounded. spec/control-plane.md §3, "Events".
import { createHash } from 'node:crypto';
import { type Clock, type Logger, systemClock } from '@weft/core';
import { eventRecorder, type KubeClient } from '@weft/kube';
import type { Certified } from './certifier.ts';

export interface IdentityEvents {
  issuerUpdated(): void;
  issuerUpdateSkipped(message: string): void;
  /** Said again only after five minutes: every request may fail for the same reason. */
  issuerValidationFailed(message: string): void;
  issued(certified: Certified): void;
}

export interface IdentityEventsOptions {
  readonly client: KubeClient;
  readonly controllerNamespace: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

const COMPONENT = 'linkerd-identity';
const SAME_AGAIN_MS = 300_000;

export function identityEvents({ client, controllerNamespace, logger, clock = systemClock() }: IdentityEventsOptions): IdentityEvents {
  const events = eventRecorder({ client, component: COMPONENT, logger, clock });
  let failedAt = Number.NEGATIVE_INFINITY;
  const about = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: controllerNamespace, name: COMPONENT };
  return {
    issuerUpdated: () => events.record({ type: 'Normal', reason: 'IssuerUpdated', message: 'Updated identity issuer', about }),
    issuerUpdateSkipped(message) {
      const text = `Skipping issuer update as certs could not be read from disk: ${message}`;
      events.record({ type: 'Warning', reason: 'IssuerUpdateSkipped', message: text, about });
    },
    issuerValidationFailed(message) {
      if (clock.now() - failedAt < SAME_AGAIN_MS) return;
      failedAt = clock.now();
      events.record({ type: 'Warning', reason: 'IssuerValidationFailed', message, about });
    },
    issued({ certificate, owner }) {
      const hash = createHash('sha256').update(certificate.leaf).digest('hex');
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: owner.namespace, name: owner.name };
      const expires = new Date(certificate.expiresAt).toISOString();
      const message = `issued certificate for ${certificate.identity} until ${expires}: ${hash}`;
      events.record({ type: 'Normal', reason: 'IssuedLeafCertificate', message, about: account });
    },
  };
}
