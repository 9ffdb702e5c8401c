import { expect, test } from 'vitest';
import { undecodableIn, undecodableVariables } from './raw-environment.ts';

test('names the variables whose bytes are not UTF-8', () => {
  const records = ['GOOD=\u00e9\u{1f600}', 'WRITTEN=\ufffd', 'EMPTY=', '=odd', 'NO_VALUE'].map((text) => Buffer.from(`${text}\0`));
  const bytes = Buffer.concat([...records, Buffer.from('BAD=a\xff\0CUT=\xc3\0LAST=\xed\xa0\x80', 'latin1')]);
  expect(undecodableIn(bytes)).toEqual(new Set(['BAD', 'CUT', 'LAST']));
  expect(undecodableIn(Buffer.alloc(0)).size).toBe(0);
});

test.runIf(process.platform === 'linux')('can be asked of the operating system', () => {
  expect(undecodableVariables()).toBeInstanceOf(Set);
});
