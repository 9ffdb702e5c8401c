import { expect, test } from 'vitest';
import { formatReason, REASONS, type ReasonCode, ReasonError, reason, reasonOf } from './reason.ts';
import { renderReasons } from './render.ts';

test.each(Object.entries(REASONS))('%s has a sentence and an action', (code, { sentence, action }) => {
  expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
  for (const text of [sentence, action]) {
    expect(text).toMatch(/^[a-zA-Z0-9].{8,}[^.\s]$/);
    expect(text).not.toMatch(/[\r\n]/);
  }
});

test('says the sentence and then the detail, in one line', () => {
  expect(formatReason(reason('DRAINING'))).toBe(REASONS.DRAINING.sentence);
  expect(formatReason(reason('DRAINING', 'a\r\nset-cookie: x'))).toBe(`${REASONS.DRAINING.sentence}: a set-cookie: x`);
});

test('travels in errors', () => {
  const cause = new Error('inner');
  const error = new ReasonError(reason('CSR_INVALID', 'key'), { cause });
  expect([reasonOf(error), error.cause, error.message]).toEqual([{ code: 'CSR_INVALID', detail: 'key' }, cause, formatReason(error.reason)]);
  expect([reasonOf(new Error('x')), reasonOf('y')]).toEqual([
    { code: 'UNEXPECTED', detail: 'x' },
    { code: 'UNEXPECTED', detail: 'y' },
  ]);
});

test('are documented, each once', () => {
  for (const code of Object.keys(REASONS) as ReasonCode[]) expect(renderReasons().split(`\`${code}\``)).toHaveLength(2);
});
