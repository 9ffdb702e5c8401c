// `endpoints_*`, one series for each filter group: cluster, Service, port, host name and node. spec/control-plane.md §5.
import type { MetricRegistry } from '@weft/core';
import { subscriptionMetrics } from './subscriptions.ts';

export interface EndpointSeries {
  updated(pods: number, exists: boolean): void;
  close(): void;
}

export interface EndpointMetrics {
  open(labels: Readonly<Record<string, string>>, references: () => number): EndpointSeries;
}

export function endpointMetrics(registry: MetricRegistry): EndpointMetrics {
  const subscriptions = subscriptionMetrics({ registry, name: 'endpoints', noun: 'an endpoints' });
  const pods = registry.gauge('endpoints_pods', 'A gauge for the current number of pods in an endpoints.');
  const exists = registry.gauge('endpoints_exists', 'A gauge which is 1 if the endpoints exists and 0 if it does not.');
  return {
    open(labels, references) {
      const series = subscriptions.open(labels, references);
      const [podCount, existence] = [pods.with(labels), exists.with(labels)];
      return {
        updated(count, isThere) {
          series.updated();
          podCount.set(count);
          existence.set(isThere ? 1 : 0);
        },
        close() {
          series.close();
          pods.remove(labels);
          exists.remove(labels);
        },
      };
    },
  };
}
