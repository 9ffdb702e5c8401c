import { createRegistry, manualClock, memoryLogger, reason } from '@weft/core';
import { expect, test } from 'vitest';
import { ejections } from './ejections.ts';

test('says which endpoint was ejected and why, how often, and how many are away', () => {
  const registry = createRegistry({ clock: manualClock() });
  const logger = memoryLogger();
  const watch = ejections(registry, logger);
  const [one, other] = [watch.watch('10.0.0.1:80', { parent_name: 'web' }), watch.watch('10.0.0.2:80', { parent_name: 'web' })];
  const why = reason('EJECTED_CONSECUTIVE_FAILURES', '10.0.0.1:80: 3 in a row (last: 503, 503, 503); probed after 1000 ms');
  one.state('shut', why);
  one.state('probation', why);
  one.state('shut', reason('EJECTED_PROBE_FAILED', '10.0.0.1:80: 503'));
  other.state('shut', reason('EJECTED_SUCCESS_RATE', '10.0.0.2:80'));
  const shown = (): string[] =>
    registry
      .render()
      .split('\n')
      .filter((line) => line.startsWith('weft_'));
  expect(shown()).toEqual([
    'weft_balancer_ejections_total{parent_name="web",reason="EJECTED_CONSECUTIVE_FAILURES"} 1',
    'weft_balancer_ejections_total{parent_name="web",reason="EJECTED_PROBE_FAILED"} 1',
    'weft_balancer_ejections_total{parent_name="web",reason="EJECTED_SUCCESS_RATE"} 1',
    'weft_balancer_ejected_endpoints{parent_name="web"} 2',
  ]);
  one.state('open', undefined);
  other.close();
  expect(shown().at(-1)).toBe('weft_balancer_ejected_endpoints{parent_name="web"} 0');
  expect(logger.records.filter(({ level }) => level === 'warn')[0]?.fields).toMatchObject({
    reason: 'EJECTED_CONSECUTIVE_FAILURES',
    endpoint: '10.0.0.1:80',
    why: expect.stringContaining('last: 503, 503, 503'),
  });
  expect(logger.records.at(-1)).toMatchObject({ level: 'info', message: 'ejected endpoint recovered' });
});
