// Clients of the engine that say one request and tell what they saw of its answer: Node's own for HTTP/1, our session for HTTP/2.
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { fieldsOf } from '../../packages/http/test/h2/frames.ts';
import { link } from '../../packages/http/test/h2/link.ts';
import { Recorder } from '../../packages/http/test/h2/recorder.ts';
import { session } from '../../packages/http/test/h2/sessions.ts';

export interface Seen {
  /** 0 without an answer. */
  status: number;
  /** Latin1. */
  body: string;
  /** `whole`: it came to a clean end. */
  end: 'open' | 'whole' | 'broken';
  /** The engine's user made it up, because the upstream failed. */
  local: boolean;
}

/** Marks answers of the engine's user. */
export const LOCAL = 'x-local';

export interface Client {
  readonly seen: Seen;
  close(): void;
}

const nothing = (): Seen => ({ status: 0, body: '', end: 'open', local: false });

/** Two ends in memory of which the second breaks once the first is destroyed and what it wrote has arrived. */
function brokenTogether(): [far: Duplex, own: Duplex] {
  const [far, own] = duplexPair();
  far.once('close', () => setImmediate(() => own.destroy()));
  for (const end of [far, own]) end.on('error', () => undefined);
  return [far, own];
}

/** Sends `method /` over one end of a pair whose other end is given to `serve`. */
export function askHttp1(method: string, serve: (link: Duplex) => void): Client {
  const [far, own] = brokenTogether();
  serve(far);
  const seen = nothing();
  const broken = (): void => {
    if (seen.end === 'open') seen.end = 'broken';
  };
  const asked: ClientRequest = request({ createConnection: () => own, method, path: '/', headers: { host: 'a' } });
  asked.on('error', broken);
  asked.on('response', (response: IncomingMessage) => {
    seen.status = response.statusCode ?? 0;
    seen.local = response.headers[LOCAL] !== undefined;
    response.on('data', (chunk: Buffer) => (seen.body += chunk.toString('latin1')));
    response.on('error', broken);
    response.on('close', broken);
    response.on('end', () => (seen.end = response.complete ? 'whole' : 'broken'));
  });
  asked.on('close', broken);
  asked.end();
  return {
    seen,
    close() {
      asked.destroy();
      own.destroy();
      far.destroy();
    },
  };
}

export function askHttp2(method: string, serve: (link: Duplex) => void): Client {
  const [far, own] = brokenTogether();
  serve(far);
  const seen = nothing();
  const recorder = new Recorder();
  const client = session('client', recorder, {});
  recorder.answer = (_stream, fields) => {
    seen.status = Number(fields.find(({ name }) => name === ':status')?.value);
    seen.local = fields.some(({ name }) => name === LOCAL);
  };
  const wire = link(client, own);
  const stream = client.openStream(
    fieldsOf([
      [':method', method],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
    ]),
    true,
    'x',
  );
  wire.flush();
  recorder.onClosed = (closed) => {
    seen.body = recorder.body(closed.id);
    seen.end = closed.remoteEnded ? 'whole' : 'broken';
  };
  return {
    seen,
    close() {
      if (stream) client.resetStream(stream, 8);
      own.destroy();
      far.destroy();
    },
  };
}
