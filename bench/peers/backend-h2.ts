// The application behind the proxies, HTTP/2 without TLS: 64 bytes for every request.
import { createServer } from 'node:http2';
import { announce } from './own-server.ts';

const BODY = Buffer.alloc(64, 'x');

const server = createServer({ settings: { maxConcurrentStreams: 1000 } });
server.on('stream', (stream) => {
  stream.on('error', () => undefined);
  stream.respond({ ':status': 200, 'content-type': 'text/plain', 'content-length': BODY.length });
  stream.end(BODY);
});
announce(server);
