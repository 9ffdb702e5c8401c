// What the service tells the cluster: Kubernetes events. Losing one harms nobody, so their number is bounded. spec/control-plane.md §3, "Events".
import { createHash } from 'node:crypto';
import { type Clock, type Logger, systemClock } from '@weft/core';
import { eventKind, type KubeClient } from '@weft/kube';
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
/** Events being written at a time; what comes on top is left out. */
const MOST_WRITING = 64;
const SAME_AGAIN_MS = 300_000;

export function identityEvents({ client, controllerNamespace, logger, clock = systemClock() }: IdentityEventsOptions): IdentityEvents {
  let writing = 0;
  let failedAt = Number.NEGATIVE_INFINITY;
  const emit = (
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    on: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string },
  ): void => {
    if (writing >= MOST_WRITING) return logger.log('debug', 'an event was left out', { event: reason });
    const now = new Date(clock.wall()).toISOString();
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
    writing++;
    client
      .create(eventKind, event)
      .catch((error: unknown) => logger.log('debug', 'an event could not be written', { event: reason, error }))
      .finally(() => writing--);
  };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: controllerNamespace, name: COMPONENT };
  return {
    issuerUpdated: () => emit('Normal', 'IssuerUpdated', 'Updated identity issuer', deployment),
    issuerUpdateSkipped: (message) =>
      emit('Warning', 'IssuerUpdateSkipped', `Skipping issuer update as certs could not be read from disk: ${message}`, deployment),
    issuerValidationFailed(message) {
      if (clock.now() - failedAt < SAME_AGAIN_MS) return;
      failedAt = clock.now();
      emit('Warning', 'IssuerValidationFailed', message, deployment);
    },
    issued({ certificate, owner }) {
      const hash = createHash('sha256').update(certificate.leaf).digest('hex');
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: owner.namespace, name: owner.name };
      const expires = new Date(certificate.expiresAt).toISOString();
      emit('Normal', 'IssuedLeafCertificate', `issued certificate for ${certificate.identity} until ${expires}: ${hash}`, account);
    },
  };
}
