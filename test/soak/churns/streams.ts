// HTTP/2 streams of one session: whole ones, reset ones, ones cut by the end of the session.
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { Churn } from '../churn.ts';

const STREAMS_PER_SESSION = 200;

export const streams: Churn = {
  name: 'streams',
  rounds: 20_000,
  width: 16,
  start({ httpPort }) {
    let session: ClientHttp2Session | undefined;
    let used = 0;
    const current = (): ClientHttp2Session => {
      if (session && !session.destroyed && used++ < STREAMS_PER_SESSION) return session;
      // Every other session is cut, streams and all.
      if (session && used % 2 === 0) session.destroy();
      else session?.close();
      used = 0;
      session = connect(`http://127.0.0.1:${httpPort}`);
      session.on('error', () => undefined);
      return session;
    };
    return {
      round: (index) =>
        new Promise((resolve) => {
          const stream = current().request({ ':path': index % 4 === 3 ? '/1000000' : '/64', ':authority': 'server' });
          stream.on('error', () => undefined);
          stream.on('close', () => resolve());
          if (index % 4 === 1) stream.close(constants.NGHTTP2_CANCEL);
          stream.on('data', () => {
            if (index % 4 === 3) stream.close(constants.NGHTTP2_CANCEL);
          });
          stream.resume();
          stream.end();
        }),
      close: () => session?.destroy(),
    };
  },
};
