// Requests that are answered before they have ended, by an application that wants no more of them: the client gets the whole response, then
// learns that it may stop. RFC 9113 §8.1, RFC 9112 §9.6.
import { constants } from 'node:http2';
import { expect } from 'vitest';
import { http2Session, tcpApplication } from '../process/applications.ts';
import { scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { streams } from './http2-application.ts';
import { WAYS } from './ways.ts';
import { wireTo } from './wire.ts';

/** Longer than what a client takes at once. */
const LONG = 'abcdefgh'.repeat(30_000);

for (const way of WAYS) {
  acceptanceCase(`http2_early_answer_stops_the_request (${way.name})`, async () => {
    await using app = await streams((stream) => {
      stream.respond({ ':status': 200 });
      stream.end(LONG);
      stream.close(constants.NGHTTP2_NO_ERROR);
    });
    await using control = await scripted().start();
    await using open = await way.open(control, app.port);
    using session = http2Session(open.at);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    let body = '';
    stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
    stream.write('first');
    await new Promise((resolve) => stream.once('close', resolve));
    expect([body === LONG, stream.rstCode, stream.aborted]).toEqual([true, constants.NGHTTP2_NO_ERROR, true]);
    // The connection serves on.
    const next = session.request({ ':path': '/' });
    next.resume();
    await new Promise((resolve) => next.once('close', resolve));
    expect(next.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  acceptanceCase(`http1_early_answer_ends_the_connection (${way.name})`, async () => {
    await using app = await tcpApplication((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${LONG.length}\r\nconnection: close\r\n\r\n${LONG}`));
    });
    await using control = await scripted().start();
    await using open = await way.open(control, app.port);
    using wire = wireTo(open.at);
    wire.write('POST / HTTP/1.1\r\nhost: server\r\ncontent-length: 10000000\r\n\r\nfirst');
    const { start, body } = await wire.message();
    expect([start, body === LONG]).toEqual(['HTTP/1.1 200 OK', true]);
    expect(await wire.rest()).toBe('');
  });
}
