// HTTP/1 as HTTP/2 between proxies, each side against a peer made by hand. spec/proxy.md §4.1, §10.4 (orig_proto.rs).
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http2';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { http2Session } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { behind, SERVICE, scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { streams } from './http2-application.ts';
import { upgrading } from './ways.ts';
import { ask, header, OK, wireApplication } from './wire.ts';

for (const [form, target, value] of [
  ['origin form', '/hint', 'HTTP/1.1'],
  ['absolute form', 'http://server/hint', 'HTTP/1.1; absolute-form'],
] as const) {
  acceptanceCase(`outbound_http1 (orig_proto, ${form})`, async () => {
    const seen: unknown[] = [];
    await using app = await streams((stream, headers) => {
      seen.push([headers[':path'], headers[':authority'], headers['l5d-orig-proto'], headers['transfer-encoding']]);
      stream.respond({ ':status': 200, 'l5d-orig-proto': 'HTTP/1.1' });
      stream.end();
    });
    await using control = await scripted().start();
    await using proxy = await upgrading(control, app.port);
    const answer = await ask(proxy.outboundAddress(SERVICE), `GET ${target} HTTP/1.1\r\nhost: server\r\n\r\n`);
    expect([answer.start, header(answer, 'l5d-orig-proto')]).toEqual(['HTTP/1.1 200 OK', undefined]);
    expect(seen).toEqual([['/hint', 'server', value, undefined]]);
  });
}

for (const [form, value, start] of [
  ['origin form', 'HTTP/1.1', 'GET /h1 HTTP/1.1'],
  ['absolute form', 'HTTP/1.1; absolute-form', 'GET http://disco/h1 HTTP/1.1'],
  ['HTTP/1.0', 'HTTP/1.0', 'GET /h1 HTTP/1.0'],
] as const) {
  acceptanceCase(`inbound_http1 (orig_proto, ${form})`, async () => {
    await using app = await wireApplication(() => OK);
    await using control = await controlPlane().start();
    await using proxy = await behind(control, app.port);
    using session = http2Session(proxy.inboundAddress(8080));
    const stream = session.request({ ':path': '/h1', ':authority': 'disco', host: 'disco', 'l5d-orig-proto': value }, { endStream: true });
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
    expect([head[':status'], head['l5d-orig-proto'], await text(stream)]).toEqual([200, 'HTTP/1.1', 'ok']);
    expect(app.requests.map((request) => [request.start, header(request, 'host'), header(request, 'l5d-orig-proto')])).toEqual([[start, 'disco', undefined]]);
  });
}
