import { expect, test } from 'vitest';
import { judgeServerWords } from './server-words.ts';

const judge = (text: string) => judgeServerWords(Buffer.from(text, 'latin1'));

test.each([
  ['MySQL', 'J\x00\x00\x00\x0a8.0.36\x00'],
  ['SMTP', '220 mail.example ESMTP\r\n'],
  ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['one byte', '+'],
  ['almost HTTP', 'HTTQ'],
  ['a binary greeting', '\x00\x00\x06\x0a\x00\x00\x00\x00\x00'],
  ['a frame of a stream', '\x00\x00\x06\x04\x00\x00\x00\x00\x01'],
])('takes the greeting of %s for a server that speaks first', (_name, text) => {
  expect(judge(text)).toBe('server-first');
});

test.each([
  ['an unasked response', 'HTTP/1.1 503 Service Unavailable\r\n'],
  ['SETTINGS of HTTP/2', '\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64'],
  ['empty SETTINGS', '\x00\x00\x00\x04\x00\x00\x00\x00\x00'],
  ['GOAWAY', '\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'],
])('takes %s for HTTP', (_name, text) => {
  expect(judge(text)).toBe('http');
});

test('waits for more where both are possible', () => {
  for (const text of ['', 'H', 'HTTP', '\x00', '\x00\x00', '\x00\x00\x06\x04\x00\x00\x00\x00']) expect(judge(text)).toBe('undecided');
});
