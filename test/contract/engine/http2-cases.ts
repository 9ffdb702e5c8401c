// HTTP/2 through the engine: streams, trailers, resets with their codes (RFC 9113; spec/proxy.md §4.1, §4.5).
import { expect } from 'vitest';
import { http2 } from './calls.ts';
import type { EngineCase } from './suite.ts';

export const http2Cases: readonly EngineCase[] = [
  {
    name: 'relays an HTTP/2 request and its response with bodies and trailers',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        let trailers = '';
        stream.on('trailers', (received) => {
          trailers = String(received['x-request-trailer']);
        });
        let body = '';
        stream.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        stream.on('end', () => {
          stream.respond({ ':status': 200, 'x-path': String(headers[':path']), 'x-authority': String(headers[':authority']) }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': trailers }));
          stream.end(`got ${body}`);
        });
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port });
      const answer = await http2(bench.http2Client(proxy.port), {
        headers: { ':method': 'POST', ':path': '/x' },
        body: 'hello',
        trailers: { 'x-request-trailer': 'bye' },
      });
      expect(answer).toMatchObject({ status: 200, body: 'got hello', headers: { 'x-path': '/x', 'x-authority': 'web.test' }, trailers: { 'x-end': 'bye' } });
      await proxy.watched[0]?.ended;
      expect(proxy.watched[0]?.calls).toEqual(['sent', 'requestEnd', 'head 200', 'data', 'trailers x-end bye', 'end complete']);
    },
  },
];
