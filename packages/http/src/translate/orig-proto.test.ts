// HTTP/1 in HTTP/2 and back (spec/proxy.md §4.1).
import { expect, test } from 'vitest';
import type { RequestHead, ResponseHead } from '../exchange/head.ts';
import { decodeRequest, encodeRequest, encodeResponse, joinCookies, restoreResponse } from './orig-proto.ts';

function request(edits: Partial<RequestHead>): RequestHead {
  return { method: 'GET', version: '1.1', form: 'origin', path: '/', scheme: undefined, authority: 'a', headers: [], upgrade: false, ...edits };
}

function response(version: ResponseHead['version'], headers: string[]): ResponseHead {
  return { status: 200, version, headers };
}

test('encodes version and absolute form, and drops transfer-encoding', () => {
  for (const [version, form, value] of [
    ['1.1', 'origin', 'HTTP/1.1'],
    ['1.0', 'origin', 'HTTP/1.0'],
    ['1.1', 'absolute', 'HTTP/1.1; absolute-form'],
    ['1.0', 'absolute', 'HTTP/1.0; absolute-form'],
  ] as const) {
    const head = request({ version, form, headers: ['host', 'b', 'transfer-encoding', 'chunked'] });
    encodeRequest(head);
    expect(head).toMatchObject({ version: '2', headers: ['host', 'b', 'l5d-orig-proto', value] });
  }
});

test('decodes by prefix and offset, and leaves other HTTP/2 requests alone', () => {
  for (const [value, version, form] of [
    ['HTTP/1.1', '1.1', 'origin'],
    ['HTTP/1.1; absolute-form', '1.1', 'absolute'],
    ['HTTP/1.0; absolute-form and more', '1.0', 'absolute'],
    ['HTTP/1.1 absolute-form', '1.1', 'origin'],
    ['HTTP/3', '2', 'origin'],
  ] as const) {
    const head = request({ version: '2', headers: ['l5d-orig-proto', value, 'a', '1'] });
    expect(decodeRequest(head)).toBe(true);
    expect(head).toMatchObject({ version, form, headers: ['a', '1'] });
  }
  expect(decodeRequest(request({ version: '2' }))).toBe(false);
  expect(decodeRequest(request({ version: '1.1', headers: ['l5d-orig-proto', 'HTTP/1.1'] }))).toBe(false);
});

test('marks HTTP/1 responses and restores them by the exact value', () => {
  const head = response('1.0', ['transfer-encoding', 'chunked', 'a', '1']);
  encodeResponse(head);
  expect(head).toEqual({ status: 200, version: '2', headers: ['a', '1', 'l5d-orig-proto', 'HTTP/1.0'] });
  restoreResponse(head, '1.1');
  expect(head).toEqual({ status: 200, version: '1.0', headers: ['a', '1'] });
  const odd = response('2', ['l5d-orig-proto', 'HTTP/1.0; x']);
  restoreResponse(odd, '1.1');
  expect(odd).toEqual({ status: 200, version: '1.1', headers: [] });
  const native = response('2', []);
  encodeResponse(native);
  expect(native).toEqual({ status: 200, version: '2', headers: [] });
});

test('joins cookie lines in place', () => {
  const headers = ['a', '1', 'cookie', 'x=1', 'b', '2', 'cookie', 'y=2', 'cookie', 'z=3'];
  joinCookies(headers);
  expect(headers).toEqual(['a', '1', 'cookie', 'x=1; y=2; z=3', 'b', '2']);
});
