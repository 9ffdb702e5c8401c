// What is told about the own certificate. spec/proxy.md §9.
import type { Clock, MetricRegistry } from '@weft/core';

export interface RefreshMetrics {
  refreshed(expiresAt: number): void;
  failed(): void;
}

export function refreshMetrics(registry: MetricRegistry, clock: Clock): RefreshMetrics {
  const refreshes = registry.counter('control_identity_cert_refreshes_total', 'Certificate requests to the identity service by result');
  const ok = refreshes.with({ result: 'ok' });
  const error = refreshes.with({ result: 'error' });
  const expiration = registry.gauge('control_identity_cert_expiration_timestamp_seconds', 'When the own certificate expires, in seconds since the epoch');
  const refresh = registry.gauge('control_identity_cert_refresh_timestamp_seconds', 'When the own certificate was last issued, in seconds since the epoch');
  return {
    refreshed(expiresAt) {
      ok.inc();
      expiration.with().set(expiresAt / 1000);
      refresh.with().set(clock.wall() / 1000);
    },
    failed: () => error.inc(),
  };
}
