// HTTP/2 streams of one session: whole ones with bodies both ways, ones the client resets before and within the answer, sessions cut streams and all.
import { type ClientHttp2Session, constants } from 'node:http2';
import type { Churn } from '../churn.ts';
import { Sessions } from '../sessions.ts';

const STREAMS_PER_SESSION = 500;
const ATTEMPTS = 5;
const BODY = Buffer.alloc(20_000, 'x');

export const streams: Churn = {
  name: 'streams',
  rounds: 300_000,
  width: 32,
  start({ http2, rotateEndpoints }) {
    const sessions = new Sessions({ port: http2, streamsEach: STREAMS_PER_SESSION, cut: true });
    return {
      async round(index) {
        if (index % 1000 === 500) rotateEndpoints();
        const way = index % 10;
        const bytes = way === 0 ? 50_000 : 64;
        // The application says farewell to a session now and then: what it had not begun by then may be asked again.
        for (let attempt = 1; ; attempt++) {
          const on = sessions.current();
          const { status, received, code } = await stream(on, way, bytes);
          if (way === 1 || way === 3 || sessions.wasCut(on) || (status === 200 && received === bytes)) return;
          if (code !== constants.NGHTTP2_REFUSED_STREAM || attempt === ATTEMPTS)
            throw new Error(`status ${status}, ${received} of ${bytes} bytes, reset with ${code}`);
        }
      },
      close: () => sessions.close(),
    };
  },
};

interface Outcome {
  readonly status: number;
  readonly received: number;
  readonly code: number;
}

/** The first way is reset at once, the third at the first bytes, the second has a body. */
function stream(session: ClientHttp2Session, way: number, bytes: number): Promise<Outcome> {
  const one = session.request({ ':path': way === 3 ? '/300000' : `/${bytes}`, ':method': way === 2 ? 'POST' : 'GET', ':authority': 'server' });
  if (way === 1) one.close(constants.NGHTTP2_CANCEL);
  else one.end(way === 2 ? BODY : undefined);
  return new Promise((resolve) => {
    let status = 0;
    let received = 0;
    one.on('response', (head) => (status = Number(head[':status'])));
    one.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (way === 3) one.close(constants.NGHTTP2_CANCEL);
    });
    one.on('error', () => undefined);
    one.on('close', () => resolve({ status, received, code: one.rstCode ?? 0 }));
  });
}
