import { type LogFields, type Logger, manualClock, reason } from '@weft/core';
import { expect, test } from 'vitest';
import { RefusalLog } from './refusal-log.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

function scene(debug = false) {
  const clock = manualClock();
  const lines: Line[] = [];
  const logger: Logger = {
    enabled: (level) => debug || level !== 'debug',
    log: (level, message, fields = {}) => void lines.push({ level, message, fields }),
    child: () => logger,
  };
  return { clock, lines, log: new RefusalLog(logger, clock) };
}

const FAILFAST = reason('FAILFAST', 'web');
const SHUT = reason('GATE_SHUT', 'web');

test('warns ten times in a second, and then says how many more there were', () => {
  const { clock, lines, log } = scene();
  for (let i = 0; i < 25; i++) log.warn('request refused', 'outbound', FAILFAST, { n: i });
  expect(lines.map(({ fields }) => fields['n'])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  clock.advance(1_000);
  expect(lines.slice(10)).toEqual([
    {
      level: 'warn',
      message: 'request refused, and more for the same reason',
      fields: { direction: 'outbound', reason: 'FAILFAST', leftOut: 15, withinMs: 1_000 },
    },
  ]);
  log.warn('request refused', 'outbound', FAILFAST, {});
  expect(lines).toHaveLength(12);
  clock.advance(1_000);
  expect([lines.length, clock.pending]).toEqual([12, 0]);
});

test('one reason does not silence another, nor one direction the other', () => {
  const { lines, log } = scene();
  for (let i = 0; i < 11; i++) log.warn('request refused', 'outbound', FAILFAST, {});
  log.warn('request refused', 'outbound', SHUT, {});
  log.warn('request refused', 'inbound', FAILFAST, {});
  log.warn('connection refused', 'outbound', FAILFAST, {});
  expect(lines).toHaveLength(13);
});

test('at debug everything is there', () => {
  const { lines, log } = scene(true);
  for (let i = 0; i < 12; i++) log.warn('request refused', 'outbound', FAILFAST, {});
  expect(lines.map(({ level }) => level)).toEqual([...Array<string>(10).fill('warn'), 'debug', 'debug']);
});
