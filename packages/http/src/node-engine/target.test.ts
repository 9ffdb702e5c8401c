// Request targets and framing fields that are taken, and those that are refused.
import { expect, test } from 'vitest';
import { hasSoundFraming, parseTarget } from './target.ts';

const HOST = ['host', 'web.test:80'];

test('takes the four forms of a target', () => {
  expect(parseTarget('GET', '/a?b', '1.1', HOST)).toEqual({ form: 'origin', path: '/a?b', scheme: undefined, authority: 'web.test:80' });
  expect(parseTarget('OPTIONS', '*', '1.1', [])).toEqual({ form: 'asterisk', path: '*', scheme: undefined, authority: undefined });
  expect(parseTarget('GET', 'HTTPS://[::1]:8443?q', '1.0', HOST)).toEqual({ form: 'absolute', path: '/?q', scheme: 'https', authority: '[::1]:8443' });
  expect(parseTarget('CONNECT', 'db.test:5432', '1.1', HOST)).toEqual({ form: 'authority', path: '', scheme: undefined, authority: 'db.test:5432' });
});

test('refuses targets in the wrong form, and more than one host', () => {
  for (const [method, target, version] of [
    ['CONNECT', '/origin', '1.1'],
    ['CONNECT', '*', '1.1'],
    ['CONNECT', 'http://test', '1.1'],
    ['CONNECT', 'test:80', '1.0'],
    ['GET', 'test', '1.1'],
    ['GET', 'http:///path', '1.1'],
  ] as const) {
    expect(parseTarget(method, target, version, HOST)).toBeUndefined();
  }
  expect(parseTarget('GET', '/', '1.1', [...HOST, ...HOST])).toBeUndefined();
});

test('takes an empty Host for none', () => {
  expect(parseTarget('GET', '/', '1.1', ['host', ''])?.authority).toBeUndefined();
});

test('demands that chunked is the last coding, and none in HTTP/1.0', () => {
  expect(hasSoundFraming('1.1', [])).toBe(true);
  expect(hasSoundFraming('1.1', ['transfer-encoding', 'gzip, Chunked'])).toBe(true);
  expect(hasSoundFraming('1.1', ['transfer-encoding', 'gzip', 'transfer-encoding', 'chunked'])).toBe(true);
  expect(hasSoundFraming('1.1', ['transfer-encoding', 'chunked, gzip'])).toBe(false);
  expect(hasSoundFraming('1.0', ['transfer-encoding', 'chunked'])).toBe(false);
});
