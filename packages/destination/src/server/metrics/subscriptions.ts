// Who listens to what, and how often there was news: `<name>_subscribers` and `<name>_updates`. Series end with their last listener. spec/control-plane.md §5.
import type { MetricRegistry } from '@weft/core';

type Labels = Readonly<Record<string, string>>;

export interface SubscriptionSeries {
  updated(): void;
  close(): void;
}

export interface SubscriptionMetrics {
  /** One subject from its first listener on; `references` tells how many it has. Several may have the same labels. */
  open(labels: Labels, references: () => number): SubscriptionSeries;
}

export interface SubscriptionMetricsOptions {
  readonly registry: MetricRegistry;
  /** In front of the names. */
  readonly name: string;
  /** What is listened to, with its article. */
  readonly noun: string;
  /** Count news too. Default true. */
  readonly counted?: boolean;
}

export function subscriptionMetrics({ registry, name, noun, counted = true }: SubscriptionMetricsOptions): SubscriptionMetrics {
  const subscribers = registry.gauge(`${name}_subscribers`, `A gauge for the current number of subscribers to ${noun}.`);
  const updates = counted ? registry.counter(`${name}_updates`, `A counter for number of updates to ${noun}.`) : undefined;
  const open = new Map<string, { readonly labels: Labels; readonly counts: Set<() => number> }>();
  registry.beforeRender(() => {
    for (const { labels, counts } of open.values()) subscribers.with(labels).set([...counts].reduce((sum, count) => sum + count(), 0));
  });
  return {
    open(labels, references) {
      const key = JSON.stringify(labels);
      const entry = open.get(key) ?? { labels, counts: new Set() };
      open.set(key, entry);
      const count = (): number => references();
      entry.counts.add(count);
      const series = updates?.with(labels);
      return {
        updated: () => series?.inc(),
        close() {
          entry.counts.delete(count);
          if (entry.counts.size > 0 || open.get(key) !== entry) return;
          open.delete(key);
          subscribers.remove(labels);
          updates?.remove(labels);
        },
      };
    },
  };
}
