// What every handler works on.
import type { Clock, Logger, Random } from '@weft/core';
import type { WebhookAdmission } from '../admission/webhook-admission.ts';
import type { PodLogSource } from '../api-server.ts';
import type { ServiceAllocator } from '../defaults/cluster-ip.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { TokenAuthority } from '../tokens/token-authority.ts';

export interface ApiState {
  readonly store: ObjectStore;
  readonly registry: KindRegistry;
  readonly services: ServiceAllocator;
  readonly webhooks: WebhookAdmission;
  readonly tokens: TokenAuthority;
  readonly apiAudiences: readonly string[];
  /** Whether deleted pods wait for something to stop them. */
  readonly kubelet: boolean;
  readonly podLogs: PodLogSource | undefined;
  readonly bookmarkMs: number;
  readonly maxWatchLagBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** RFC 3339 without fractions, as Kubernetes writes times. */
export function timestamp(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
}
