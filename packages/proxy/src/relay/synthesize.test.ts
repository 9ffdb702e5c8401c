import { type ConfiguredAnswer, configuredReason, type ReasonCode, reason } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { type AnsweringSide, brokenTrailers, localResponse, localTrailers } from './synthesize.ts';

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
  expect(headers[headers.indexOf('grpc-message') + 1]).toMatch(/caf%C3%A9 100%25$/);
  expect(localResponse(request({ headers: grpc.headers }), reason('UNAUTHORIZED'), true).status).toBe(403);
});

test('shows nothing that cannot stand in a header', () => {
  const { headers } = localResponse(request(), reason('UNEXPECTED', 'an arrow →'), true);
  expect(headers[1]).toBe('unexpected error');
});

// spec/proxy.md §4.6, both tables: HTTP status, gRPC status, whether the client's connection is closed.
const ROWS: readonly (readonly [side: AnsweringSide, codes: readonly ReasonCode[], status: number, grpcStatus: number, close: boolean])[] = [
  ['inbound', ['ROUTE_NOT_FOUND', 'GATEWAY_DOMAIN_INVALID'], 404, 5, false],
  ['inbound', ['UNAUTHORIZED'], 403, 7, false],
  ['inbound', ['RATE_LIMITED'], 429, 8, false],
  ['inbound', ['GATEWAY_LOOP'], 508, 10, true],
  ['inbound', ['FAILFAST'], 504, 4, true],
  ['inbound', ['LOAD_SHED'], 503, 14, true],
  ['inbound', ['REDIRECT_INVALID', 'POLICY_INVALID', 'UNEXPECTED'], 500, 13, true],
  ['inbound', ['CONNECT_REFUSED', 'CONNECT_FAILED', 'UPSTREAM_CLOSED', 'UPSTREAM_PROTOCOL_ERROR'], 502, 14, true],
  ['inbound', ['CONNECT_TIMEOUT'], 504, 4, true],
  ['outbound', ['FAILFAST', 'NO_ENDPOINTS', 'NO_READY_ENDPOINT'], 504, 4, true],
  ['outbound', ['LOAD_SHED', 'QUEUE_FULL', 'GATE_SHUT'], 503, 14, true],
  ['outbound', ['RESPONSE_TIMEOUT'], 504, 4, false],
  ['outbound', ['PROFILE_TIMEOUT'], 504, 4, true],
  ['outbound', ['IDENTITY_REQUIRED', 'DISCOVERY_REJECTED', 'DISCOVERY_UNAVAILABLE', 'BACKEND_INVALID'], 502, 14, true],
  ['outbound', ['ROUTE_NOT_FOUND'], 404, 5, false],
  ['outbound', ['POLICY_INVALID', 'REDIRECT_INVALID', 'UNEXPECTED'], 500, 13, true],
  ['outbound', ['DOWNGRADED', 'CONNECT_REFUSED', 'CONNECT_FAILED', 'TLS_HANDSHAKE_FAILED', 'TLS_PEER_UNTRUSTED', 'UPSTREAM_CLOSED'], 502, 14, true],
  ['outbound', ['CONNECT_TIMEOUT'], 504, 4, true],
  ['admin', ['ROUTE_NOT_FOUND'], 404, 5, false],
  ['admin', ['UNAUTHORIZED'], 403, 7, false],
  ['admin', ['RATE_LIMITED', 'POLICY_INVALID', 'LOAD_SHED', 'UNEXPECTED'], 500, 13, true],
];

for (const [side, codes, status, grpcStatus, close] of ROWS) {
  test(`${side} answers ${codes.join(', ')} with ${status} and gRPC status ${grpcStatus}`, () => {
    for (const code of codes) {
      expect(localResponse(request(), reason(code), false, side)).toEqual({ status, headers: [], close });
      expect(localResponse(grpc, reason(code), false, side)).toEqual({
        status: 200,
        headers: ['content-type', 'application/grpc', 'grpc-status', String(grpcStatus)],
        close,
      });
      expect(localTrailers(reason(code), false, side)).toEqual(['grpc-status', String(grpcStatus)]);
    }
  });
}

const answered = (answer: ConfiguredAnswer, side: AnsweringSide, ask = request()) => localResponse(ask, configuredReason('route r', answer), true, side);

test('a redirect is what the policy says, with its location, on both sides', () => {
  const answer: ConfiguredAnswer = { kind: 'redirect', status: 302, location: 'http://x/y' };
  for (const side of ['inbound', 'outbound'] as const) {
    expect(answered(answer, side)).toMatchObject({
      status: 302,
      close: false,
      headers: ['l5d-proxy-error', expect.stringMatching(/^REDIRECTED: /), 'location', 'http://x/y'],
    });
    expect(answered(answer, side, grpc).headers.slice(0, 4)).toEqual(['content-type', 'application/grpc', 'grpc-status', '5']);
    expect(answered(answer, side, grpc).headers).not.toContain('location');
  }
  expect(answered(answer, 'admin').status).toBe(500);
});

test('an injected failure is what the policy says outbound, and an internal error inbound', () => {
  const http: ConfiguredAnswer = { kind: 'http-failure', status: 418, message: 'no coffee' };
  expect(answered(http, 'outbound')).toMatchObject({ status: 418, close: false });
  expect(answered(http, 'outbound', grpc)).toMatchObject({
    status: 200,
    headers: [
      'content-type',
      'application/grpc',
      'grpc-status',
      '9',
      'grpc-message',
      'no coffee',
      'l5d-proxy-error',
      expect.stringMatching(/^FAILURE_INJECTED: .*no coffee$/),
    ],
  });
  const inGrpc: ConfiguredAnswer = { kind: 'grpc-failure', code: 11, message: 'ünder' };
  expect(answered(inGrpc, 'outbound', grpc).headers.slice(2, 6)).toEqual(['grpc-status', '11', 'grpc-message', '%C3%BCnder']);
  expect(answered(inGrpc, 'outbound')).toMatchObject({ status: 200, close: false });
  for (const answer of [http, inGrpc]) {
    expect(answered(answer, 'inbound')).toMatchObject({ status: 500, close: true });
    expect(answered(answer, 'inbound', grpc).headers.slice(2, 4)).toEqual(['grpc-status', '13']);
  }
});

test('trailers that end a gRPC response early say why where the client may see it', () => {
  expect(brokenTrailers(reason('UPSTREAM_CLOSED'), false)).toEqual(['grpc-status', '13']);
  expect(localTrailers(reason('RESPONSE_TIMEOUT', '100%'), true)).toEqual([
    'grpc-status',
    '4',
    'grpc-message',
    'RESPONSE_TIMEOUT: the response did not arrive in time: 100%25',
  ]);
});
