// Applications that break: no answer, half an answer, an answer before the request is read, streams reset with a code.
import { Agent } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import { ask } from '../ask.ts';
import type { Churn, ChurnWorld } from '../churn.ts';
import { Sessions } from '../sessions.ts';

const BODY = Buffer.alloc(200_000, 'x');
const STREAMS_PER_SESSION = 300;
const CODES = [2, 7, 8, 11];

export const broken: Churn = {
  name: 'broken',
  rounds: 60_000,
  width: 16,
  start(world) {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const sessions = new Sessions({ port: world.http2, streamsEach: STREAMS_PER_SESSION });
    return {
      round: (index) => (index % 2 === 0 ? overHttp1(world, agent, index >> 1) : overHttp2(sessions.current(), index >> 1)),
      close() {
        agent.destroy();
        sessions.close();
      },
    };
  },
};

async function overHttp1(world: ChurnWorld, agent: Agent, index: number): Promise<void> {
  const port = index % 4 === 0 ? world.plain : world.pair;
  const way = index % 3;
  if (way === 0) {
    const answer = await ask({ port, path: '/gone', agent, method: 'POST', body: Buffer.from('x') });
    if (answer.status !== 502) throw new Error(`an application that breaks the connection: ${JSON.stringify(answer)}`);
  } else if (way === 1) {
    // Nothing of it may come, or some; not the whole.
    const answer = await ask({ port, path: '/half', agent }).catch(() => undefined);
    if (answer && (answer.status !== 200 || !answer.cut)) throw new Error(`half an answer: ${JSON.stringify(answer)}`);
  } else {
    // The answer comes while the body is still sent; whether the client sees it before its connection breaks is a matter of luck.
    await ask({ port, path: '/early', agent, method: 'POST', body: BODY }).catch(() => undefined);
  }
}

function overHttp2(session: ClientHttp2Session, index: number): Promise<void> {
  const within = index % 3 === 0;
  // Node resets a stream that has begun with INTERNAL_ERROR, whatever it is asked for.
  const code = within ? 2 : (CODES[index % CODES.length] ?? 0);
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': within ? '/half' : `/reset/${code}`, ':authority': 'server' });
    stream.on('error', () => undefined);
    stream.resume();
    stream.on('close', () => (stream.rstCode === code ? resolve() : reject(new Error(`reset with ${stream.rstCode} in place of ${code}`))));
  });
}
