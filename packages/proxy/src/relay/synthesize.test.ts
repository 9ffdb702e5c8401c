import { reason } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { localResponse } from './synthesize.ts';

const request = (extra: Partial<RequestHead> = {}): RequestHead => ({
  method: 'GET',
  version: '1.1',
  form: 'origin',
  path: '/',
  scheme: undefined,
  authority: 'x',
  headers: [],
  upgrade: false,
  ...extra,
});
const grpc = request({ version: '2', method: 'POST', headers: ['content-type', 'application/grpc+proto'] });

test('tells status, reason and whether the connection closes', () => {
  expect(localResponse(request(), reason('FAILFAST', 'web:80'), true)).toEqual({
    status: 504,
    headers: ['l5d-proxy-error', 'FAILFAST: requests are failed at once because no endpoint became ready in time: web:80', 'l5d-proxy-connection', 'close'],
    close: true,
  });
  expect(localResponse(request(), reason('UNAUTHORIZED'), true)).toMatchObject({ status: 403, close: false });
});

test('keeps the reason to itself where the client may not see it', () => {
  expect(localResponse(request(), reason('UNAUTHORIZED', 'secret'), false)).toEqual({ status: 403, headers: [], close: false });
});

test('answers gRPC in its own words', () => {
  const { status, headers } = localResponse(grpc, reason('UNAUTHORIZED', 'café 100%'), true);
  expect(status).toBe(200);
  expect(headers).toContain('application/grpc');
  expect(headers[headers.indexOf('grpc-status') + 1]).toBe('7');
  expect(headers[headers.indexOf('grpc-message') + 1]).toMatch(/caf%E9 100%25$/);
  expect(localResponse(request({ headers: grpc.headers }), reason('UNAUTHORIZED'), true).status).toBe(403);
});

test('shows nothing that cannot stand in a header', () => {
  const { headers } = localResponse(request(), reason('UNEXPECTED', 'an arrow →'), true);
  expect(headers[1]).toBe('unexpected error');
});
