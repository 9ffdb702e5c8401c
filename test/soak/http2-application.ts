// The HTTP/2 application of the load. `/N` N bytes, `/reset/CODE`, `/half` after some bytes, `/goaway` the last of its session, `/destroy` the end of it.
//
// It stays clear of a defect of Node, 20 to 24 at least (nodejs/node#64113): what is opened on a session after `session.close()` is refused with a
// RST_STREAM from within nghttp2's receive callback. That flushes the GOAWAY, at which nghttp2 frees the very stream that it is receiving, and then
// it writes into it. So nothing is done to a session while it reads, and it is closed when it has no streams: before, it says GOAWAY, after which nghttp2 ignores what is opened.
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Server } from 'node:net';
import { body } from './bodies.ts';

const RESETS_PER_SESSION = 500;

export function http2Application(): Server {
  // Bodies wait in the session's memory, of which Node allows ten megabytes, and resets streams beyond.
  const server = createServer({ maxSessionMemory: 1_000 });
  server.on('session', serve);
  return server as unknown as Server;
}

function serve(session: ServerHttp2Session): void {
  let open = 0;
  let resets = 0;
  let leaving = false;
  const closeIfDone = (): void => {
    if (leaving && open === 0) session.close();
  };
  const leave = (): void => {
    if (session.destroyed) return;
    leaving = true;
    session.goaway();
    closeIfDone();
  };
  session.on('error', () => undefined);
  session.on('stream', (stream, headers) => {
    open++;
    stream.on('error', () => undefined);
    // Node breaks a session off that has had a thousand resets too quickly: this one says farewell in time.
    stream.on('aborted', () => ++resets === RESETS_PER_SESSION && setImmediate(leave));
    stream.on('close', () => {
      open--;
      setImmediate(closeIfDone);
    });
    stream.resume();
    const [, what = '', code = ''] = String(headers[':path']).split('/');
    setImmediate(() => {
      // The client may have gone meanwhile.
      if (stream.destroyed) return;
      if (what === 'destroy') return session.destroy();
      answer(stream, what, code);
      if (what === 'goaway') leave();
    });
  });
}

function answer(stream: ServerHttp2Stream, what: string, code: string): void {
  if (what === 'reset') return stream.close(Number(code));
  stream.respond({ ':status': 200 });
  if (what === 'half') return void stream.write(body(20_000), () => stream.destroy(new Error('half is enough')));
  stream.end(body(Number(what) || 0));
}
