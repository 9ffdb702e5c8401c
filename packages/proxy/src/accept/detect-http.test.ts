import { expect, test } from 'vitest';
import { detectHttp } from './detect-http.ts';

const judge = (text: string) => detectHttp(Buffer.from(text, 'latin1'));

test.each([
  ['GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['GET / HTTP/1.0\n\nxxxxxxx'],
  ['\r\nPOST /path?query HTTP/1.1\r\n'],
  ['GET /a/long/path/that/is/not/over'],
  ['GETTINGTHEREBUTNOTYET'],
  ['GET /index.html HTT'],
  ['OPTIONS * HTTP/1.1\r'],
  ['CONNECT host:443 HTTP/1.1\r\n\r\n'],
  ['GET http://host/ HTTP/1.1\r\nx: y'],
  ['GET / HTTP/1.1\r\n\r'],
])('takes %j for HTTP/1', (text) => {
  expect(judge(text)).toBe('http/1');
});

test.each([
  [''],
  ['GET / HTTP/1.'],
  ['*3\r\n$3\r\nSET\r\n$1\r\na\r\n'],
  ['GET / HTTP/2.0\r\n\r\n'],
  ['GET / SPDY/1.1\r\n\r\n'],
  ['GET /  HTTP/1.1\r\n\r\n'],
  ['GET / HTTP/1.1 \r\n\r\n'],
  ['GET / HTTP/1.1\r\n: empty name'],
  ['GET / HTTP/1.1\r\n\rX'],
  ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdef'],
  ['\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'],
  [' GET / HTTP/1.1\r\n\r\n'],
])('takes %j for something else', (text) => {
  expect(judge(text)).toBe('not-http');
});

test('knows HTTP/2 by the first fourteen bytes, whatever follows', () => {
  expect(judge('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toBe('http/2');
  expect(judge('PRI * HTTP/2.0garbage')).toBe('http/2');
  expect(judge('PRI * HTTP/2.')).toBe('not-http');
});

test('looks at no more than 1024 bytes', () => {
  const line = `GET /${'a'.repeat(1100)} `;
  expect(judge(`${line}not a version at all\r\n\r\n`)).toBe('http/1');
});
