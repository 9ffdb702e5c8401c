// The baseline for HTTP/2: streams of node:http2 piped into streams of one session to the backend. Argument: backend port.
import { connect, createServer } from 'node:http2';
import { announce } from './own-server.ts';

const session = connect(`http://127.0.0.1:${process.argv[2]}`);
const server = createServer({ settings: { maxConcurrentStreams: 1000 } });
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
