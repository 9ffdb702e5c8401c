// Which fields stay on their connection.
import { expect, test } from 'vitest';
import { connectionTokens, stripForHttp2, stripHopByHop } from './hop-by-hop.ts';

test('removes connection, what it names, upgrade, proxy-connection and keep-alive', () => {
  const headers = [
    'a',
    '1',
    'connection',
    'A, x-b',
    'connection',
    'c',
    'x-b',
    '2',
    'c',
    '3',
    'd',
    '4',
    'upgrade',
    'h2c',
    'proxy-connection',
    'x',
    'keep-alive',
    '5',
  ];
  stripHopByHop(headers);
  expect(headers).toEqual(['d', '4']);
});

test('does not let connection name what delimits or addresses a message', () => {
  const headers = ['connection', 'content-length, host, transfer-encoding', 'content-length', '3', 'host', 'a', 'transfer-encoding', 'chunked'];
  stripHopByHop(headers);
  expect(headers).toEqual(['content-length', '3', 'host', 'a', 'transfer-encoding', 'chunked']);
});

test('keeps of te only trailers for HTTP/2', () => {
  for (const [te, kept] of [
    ['trailers', ['te', 'trailers']],
    ['gzip, Trailers', ['te', 'trailers']],
    ['gzip', []],
  ] as const) {
    const headers = ['te', te, 'transfer-encoding', 'chunked', 'http2-settings', 'x'];
    stripForHttp2(headers);
    expect(headers).toEqual(kept);
  }
});

test('reads tokens of several connection lines in lower case', () => {
  expect(connectionTokens(['connection', 'Close, ,X', 'x', '1', 'connection', 'y'])).toEqual(['close', 'x', 'y']);
});
