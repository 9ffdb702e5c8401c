// Timeouts of a route: of the request, of the response, and of idle streams. spec/proxy.md §7.5, §4.6, §10.6 (outbound logical timeouts).
import { request as send } from 'node:http';
import type { Timeouts } from '@weft/core';
import { expect } from 'vitest';
import { type At, hostAndPort, http2Session } from '../process/applications.ts';
import { NAME } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { HTTP_VERSIONS, proxyBefore, request, rulePolicy, scriptedApplication, type Version } from './scripted.ts';

const MS = 200;

/** Begins a request and does not end it; resolves with the status that comes, and a way to go on. */
async function begin(version: Version, at: At): Promise<{ readonly status: Promise<number>; end(): void; stop(): void }> {
  if (version === 'http1') {
    const sent = send({ ...hostAndPort(at), method: 'POST', headers: { host: NAME }, agent: false });
    const status = new Promise<number>((resolve, reject) => {
      sent.on('response', (response) => {
        response.resume();
        response.on('error', () => undefined);
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', reject);
    });
    status.catch(() => undefined);
    sent.write('half ');
    return { status, end: () => void sent.end('whole'), stop: () => void sent.destroy() };
  }
  const session = http2Session(at);
  const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': NAME });
  const status = new Promise<number>((resolve) => {
    stream.on('response', (headers) => resolve(Number(headers[':status'])));
    stream.on('close', () => resolve(0));
  });
  stream.on('error', () => undefined);
  stream.resume();
  stream.write('half ');
  return { status, end: () => void stream.end('whole'), stop: () => session[Symbol.dispose]() };
}

for (const version of HTTP_VERSIONS) {
  const policy = (timeouts: Timeouts) => ({ policy: rulePolicy(version, { timeouts }) });

  for (const [kind, timeouts] of [
    ['request', { requestMs: MS }],
    ['response', { responseMs: MS }],
  ] as const) {
    acceptanceCase(`${kind} timeout: response headers (${version})`, async () => {
      await using app = await scriptedApplication(version, () => undefined);
      await using open = await proxyBefore(app, policy(timeouts));
      const { status, headers } = await request(version, open.at);
      expect(status).toBe(504);
      expect(headers['l5d-proxy-error']).toMatch(/timed? ?out/);
      expect(headers['l5d-proxy-connection']).toBeUndefined();
    });

    acceptanceCase(`${kind} timeout: response body (${version})`, async () => {
      await using app = await scriptedApplication(version, (turn) => {
        turn.head(200);
        turn.write('part');
      });
      await using open = await proxyBefore(app, policy(timeouts));
      const { status, body, broken } = await request(version, open.at);
      expect({ status, body }).toEqual({ status: 200, body: 'part' });
      expect(broken).not.toBe(0);
    });
  }

  acceptanceCase(`request timeout: request body (${version})`, async () => {
    await using app = await scriptedApplication(version, () => undefined);
    await using open = await proxyBefore(app, policy({ requestMs: MS }));
    const begun = await begin(version, open.at);
    expect(await begun.status).toBe(504);
    begun.stop();
  });

  acceptanceCase(`response timeout: ignores a slow request body (${version})`, async () => {
    await using app = await scriptedApplication(version, async (turn) => {
      await turn.body;
      turn.head(200);
      turn.end();
    });
    await using open = await proxyBefore(app, policy({ responseMs: MS }));
    const begun = await begin(version, open.at);
    // Longer than the response may take.
    await new Promise((resolve) => setTimeout(resolve, MS * 2));
    begun.end();
    expect(await begun.status).toBe(200);
    begun.stop();
  });

  acceptanceCase(`idle timeout: response body (${version})`, async () => {
    await using app = await scriptedApplication(version, (turn) => {
      turn.head(200);
      turn.write('part');
    });
    await using open = await proxyBefore(app, policy({ idleMs: MS }));
    const { status, body, broken } = await request(version, open.at);
    expect({ status, body }).toEqual({ status: 200, body: 'part' });
    expect(broken).not.toBe(0);
  });
}

acceptanceCase('gRPC response timeout: trailers', async () => {
  await using app = await scriptedApplication('http2', (turn) => {
    turn.head(200, { 'content-type': 'application/grpc' });
    turn.write('part');
  });
  await using open = await proxyBefore(app, { policy: rulePolicy('http2', { timeouts: { responseMs: MS } }) });
  const answer = await request('http2', open.at, { method: 'POST', path: '/svc/Method', body: 'm', headers: { 'content-type': 'application/grpc' } });
  expect(answer).toMatchObject({ status: 200, body: 'part', trailers: { 'grpc-status': '4' } });
});
