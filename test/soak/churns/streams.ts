// HTTP/2 streams of one session: whole ones with bodies both ways, ones the client resets before and within the answer, sessions cut streams and all.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Churn } from '../churn.ts';

const STREAMS_PER_SESSION = 500;
const BODY = Buffer.alloc(20_000, 'x');

export const streams: Churn = {
  name: 'streams',
  rounds: 300_000,
  width: 32,
  start({ http2, rotateEndpoints }) {
    let session: ClientHttp2Session | undefined;
    let sessions = 0;
    let used = 0;
    const cut = new WeakSet<ClientHttp2Session>();
    const current = (): ClientHttp2Session => {
      if (session && !session.destroyed && used++ < STREAMS_PER_SESSION) return session;
      // Every other session is cut, streams and all.
      if (session && sessions++ % 2 === 0) {
        cut.add(session);
        session.destroy();
      } else session?.close();
      used = 0;
      session = connect(`http://127.0.0.1:${http2}`);
      session.on('error', () => undefined);
      return session;
    };
    return {
      async round(index) {
        if (index % 1000 === 500) rotateEndpoints();
        const on = current();
        const way = index % 10;
        const bytes = way === 0 ? 50_000 : 64;
        const upload = way === 2;
        const stream = on.request({ ':path': way === 3 ? '/300000' : `/${bytes}`, ':method': upload ? 'POST' : 'GET', ':authority': 'server' });
        if (way === 1) stream.close(constants.NGHTTP2_CANCEL);
        else stream.end(upload ? BODY : undefined);
        const { status, received } = await outcome(stream, way === 3);
        const whole = status === 200 && received === bytes;
        if (way !== 1 && way !== 3 && !whole && !cut.has(on)) throw new Error(`status ${status}, ${received} of ${bytes} bytes, reset with ${stream.rstCode}`);
      },
      close: () => session?.destroy(),
    };
  },
};

/** `enough`: resets the stream at the first bytes. */
function outcome(stream: ClientHttp2Stream, enough: boolean): Promise<{ status: number; received: number }> {
  return new Promise((resolve) => {
    let status = 0;
    let received = 0;
    stream.on('response', (head) => (status = Number(head[':status'])));
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (enough) stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on('error', () => undefined);
    stream.on('close', () => resolve({ status, received }));
  });
}
