// HTTP/2 requests without an authority, and resets on their way back. spec/proxy.md §4.1, §4.2, §10.1.
import { constants } from 'node:http2';
import { expect } from 'vitest';
import { http2Session } from '../process/applications.ts';
import { tcpTo } from '../process/meshed-peer.ts';
import { SERVICE, scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { firstHead, frameApplication, GET_WITHOUT_AUTHORITY, STATUS_200 } from './frames.ts';
import { streams } from './http2-application.ts';
import { upgrading, WAYS } from './ways.ts';
import { ask } from './wire.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM } = constants;

for (const way of WAYS) {
  acceptanceCase(`http2_request_without_authority (${way.name})`, async () => {
    await using app = await frameApplication();
    await using control = await scripted().start();
    await using open = await way.open(control, app.port);
    const socket = await tcpTo(open.at);
    socket.write(GET_WITHOUT_AUTHORITY);
    expect(await firstHead(socket)).toContain(STATUS_200);
    socket.destroy();
  });

  acceptanceCase(`http2_rst_stream_is_propagated (${way.name})`, async () => {
    await using app = await streams((stream) => stream.close(NGHTTP2_ENHANCE_YOUR_CALM));
    await using control = await scripted().start();
    await using open = await way.open(control, app.port);
    using session = http2Session(open.at);
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('close', resolve));
    expect(stream.rstCode).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
  });
}

acceptanceCase('http1_orig_proto_does_not_propagate_rst_stream', async () => {
  await using app = await streams((stream) => stream.close(NGHTTP2_ENHANCE_YOUR_CALM));
  await using control = await scripted().start();
  await using proxy = await upgrading(control, app.port);
  const answer = await ask(proxy.outboundAddress(SERVICE), 'GET / HTTP/1.1\r\nhost: server\r\n\r\n');
  expect(answer.start).toMatch(/^HTTP\/1\.1 502 /);
});
