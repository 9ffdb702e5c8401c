import { createRegistry } from '@weft/core';
import { expect, test } from 'vitest';
import { endpointMetrics } from './endpoint-metrics.ts';
import { subscriptionMetrics } from './subscriptions.ts';

test('subjects with the same labels add up, and their series end with the last of them', () => {
  const registry = createRegistry();
  const metrics = subscriptionMetrics({ registry, name: 'profile', noun: 'a profile' });
  const labels = { namespace: 'shop' };
  const [one, two] = [metrics.open(labels, () => 2), metrics.open(labels, () => 3)];
  one.updated();
  expect(registry.render()).toMatch(/profile_subscribers\{namespace="shop"\} 5[^]*profile_updates\{namespace="shop"\} 1/);
  one.close();
  one.close();
  expect(registry.render()).toContain('profile_subscribers{namespace="shop"} 3');
  two.close();
  expect(registry.render()).toBe('');
});

test('endpoints are counted beside their listeners, where news is counted or not', () => {
  const registry = createRegistry();
  const series = endpointMetrics(registry).open({ service: 'web' }, () => 1);
  series.updated(7, true);
  expect(registry.render()).toMatch(
    /endpoints_subscribers\{service="web"\} 1[^]*endpoints_updates\{service="web"\} 1[^]*endpoints_pods\{service="web"\} 7[^]*endpoints_exists\{service="web"\} 1/,
  );
  series.close();
  subscriptionMetrics({ registry, name: 'service', noun: 'a service', counted: false })
    .open({}, () => 4)
    .updated();
  expect(registry.render()).toBe(
    '# HELP service_subscribers A gauge for the current number of subscribers to a service.\n# TYPE service_subscribers gauge\nservice_subscribers 4\n',
  );
});
