// Connections to the application that end after an answer, or under it: closed by HTTP/1, GOAWAY, and a session that breaks.
import { Agent } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import { ask } from '../ask.ts';
import type { Churn } from '../churn.ts';
import { Sessions } from '../sessions.ts';

const STREAMS_PER_SESSION = 300;

export const reconnects: Churn = {
  name: 'reconnects',
  rounds: 60_000,
  width: 16,
  start({ pair, plain, http2 }) {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const sessions = new Sessions({ port: http2, streamsEach: STREAMS_PER_SESSION });
    return {
      async round(index) {
        if (index % 2 === 0) {
          const answer = await ask({ port: index % 4 === 0 ? plain : pair, path: '/close', agent });
          if (answer.status !== 200 || answer.cut) throw new Error(`an answer with connection: close came as ${JSON.stringify(answer)}`);
        } else await overHttp2(sessions.current(), index >> 1);
      },
      close() {
        agent.destroy();
        sessions.close();
      },
    };
  },
};

/** Now and then the application takes its session away from all streams; in between all must be answered or refused, none be left hanging. */
function overHttp2(session: ClientHttp2Session, index: number): Promise<void> {
  const path = index % 40 === 0 ? '/goaway' : index % 40 === 20 ? '/destroy' : '/64';
  return new Promise((resolve) => {
    const stream = session.request({ ':path': path, ':authority': 'server' });
    stream.on('error', () => undefined);
    stream.resume();
    stream.on('close', () => resolve());
  });
}
