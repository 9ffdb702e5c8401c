// The baseline for HTTP/2: streams of node:http2 piped into streams of one session to the backend. Arguments: backend port, and files of
// anchors, certificate and key where clients come in TLS.
import { readFileSync } from 'node:fs';
import { connect, createSecureServer, createServer } from 'node:http2';
import { announce } from './announce.ts';

const [port, anchors, certificate, key] = process.argv.slice(2);
const session = connect(`http://127.0.0.1:${port}`);
const settings = { maxConcurrentStreams: 1000 };
const server =
  anchors && certificate && key
    ? createSecureServer({
        settings,
        ca: readFileSync(anchors),
        cert: readFileSync(certificate),
        key: readFileSync(key),
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
      })
    : createServer({ settings });
server.on('stream', (stream, headers) => {
  const call = session.request(headers);
  call.on('response', (head) => {
    // The client may be gone by now.
    if (!stream.destroyed && !stream.closed) stream.respond(head);
  });
  for (const side of [call, stream]) side.on('error', () => (side === call ? stream : call).destroy());
  stream.pipe(call);
  call.pipe(stream);
});
announce(server);
