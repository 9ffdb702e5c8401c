// An application that speaks HTTP/2 with prior knowledge, stream by stream.
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Server } from 'node:net';
import { type Application, serveOn } from '../process/applications.ts';

export function streams(serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void): Promise<Application> {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    serve(stream, headers);
  });
  return serveOn(server as unknown as Server);
}
