// Before anything is measured: the proxy does carry the backend's answer, whole.
import { get } from 'node:http';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { entry, type Path } from '../hop.ts';
import { GRPC_MESSAGE, GRPC_PATH } from '../load/load.ts';

export interface Expected {
  readonly path: Path;
  readonly bodyBytes?: number;
  readonly grpc?: boolean;
}

const TIMEOUT_MS = 5000;

export async function checkAnswer(port: number, { path, bodyBytes = 64, grpc = false }: Expected): Promise<void> {
  const over = entry(path).protocol === 'h2' ? overHttp2(port, grpc) : overHttp1(port);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  const { body, trailers } = await Promise.race([over, late]).finally(() => clearTimeout(timer));
  const want = Buffer.alloc(bodyBytes, 'x');
  const got = grpc ? body.subarray(5) : body;
  if (!got.equals(want)) throw new Error(`the answer has ${got.length} bytes, ${JSON.stringify(got.toString('latin1', 0, 100))}`);
  if (grpc && trailers['grpc-status'] !== '0') throw new Error('the trailers are lost');
}

interface Answer {
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

function overHttp1(port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, (response) => {
      buffer(response).then((body) => resolve({ body, trailers: {} }), reject);
    }).on('error', reject);
  });
}

function overHttp2(port: number, grpc: boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', reject);
    const stream = grpc
      ? session.request({ ':method': 'POST', ':path': GRPC_PATH, 'content-type': 'application/grpc', te: 'trailers' })
      : session.request({ ':path': '/' });
    if (grpc) stream.end(GRPC_MESSAGE);
    let trailers: IncomingHttpHeaders = {};
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('error', reject);
    buffer(stream)
      .then((body) => resolve({ body, trailers }), reject)
      .finally(() => session.destroy());
  });
}
