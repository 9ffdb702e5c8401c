// Heads as text.
import { expect, test } from 'vitest';
import { lastChunkText, requestHeadText, responseHeadText } from './h1-text.ts';

test('writes each form of target and no version but HTTP/1.0 and 1.1', () => {
  const head = { method: 'GET', version: '2', path: '/p', scheme: 'https', authority: 'a:1', headers: ['x', '1'], upgrade: false } as const;
  const lines = (['origin', 'absolute', 'authority', 'asterisk'] as const).map((form) => requestHeadText({ ...head, form, headers: ['x', '1'] }));
  expect(lines).toEqual(['/p', 'https://a:1/p', 'a:1', '*'].map((target) => `GET ${target} HTTP/1.1\r\nx: 1\r\n\r\n`));
});

test('takes the standard reason phrase where none is given', () => {
  expect(responseHeadText({ status: 404, version: '1.0', headers: [] })).toBe('HTTP/1.0 404 Not Found\r\n\r\n');
  expect(responseHeadText({ status: 299, version: '1.1', reason: 'Fine', headers: [] })).toBe('HTTP/1.1 299 Fine\r\n\r\n');
  expect(responseHeadText({ status: 299, version: '1.1', headers: [] })).toBe('HTTP/1.1 299 \r\n\r\n');
});

test('never lets a value start a line of its own', () => {
  expect(lastChunkText(['a', 'b\r\nc: d'])).toBe('0\r\na: b  c: d\r\n\r\n');
});
