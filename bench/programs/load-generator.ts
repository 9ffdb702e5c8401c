// The program behind load/own.ts: LoadOptions as JSON; prints a LoadResult as JSON.
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { GRPC_MESSAGE, GRPC_PATH, type LoadOptions, type LoadResult } from '../load/load.ts';
import { percentile } from '../load/percentile.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions;
const { protocol, port, connections, seconds, rate, grpc = false } = options;
const streams = protocol === 'h1' ? 1 : options.streams;
/** Milliseconds between two requests of one lane. */
const interval = rate === undefined ? 0 : (connections * streams * 1000) / rate;
const times: number[] = [];
let errors = 0;
const started = performance.now();
const end = started + seconds * 1000;

/** One request after another, each when it is due. A request that had to wait for the one before counts from when it was due. */
async function lane(number: number, send: () => Promise<boolean>): Promise<void> {
  let due = started + (interval * number) / (connections * streams);
  while (performance.now() < end) {
    const wait = due - performance.now();
    if (interval > 0 && wait >= 1) await delay(wait);
    const from = interval > 0 && wait < 0 ? due : performance.now();
    if (await send()) times.push(performance.now() - from);
    else errors++;
    due += interval;
  }
}

/** Responses have a Content-Length. */
async function overHttp1(index: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let text = '';
  let answered: (ok: boolean) => void = () => undefined;
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd < 0 || text.length < headEnd + 4 + Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0)) return;
    const ok = text.startsWith('HTTP/1.1 200');
    text = '';
    answered(ok);
  });
  const broken = new Promise<never>((_resolve, reject) => socket.on('error', reject).on('close', () => reject(new Error('closed'))));
  const send = (): Promise<boolean> => {
    const answer = new Promise<boolean>((resolve) => (answered = resolve));
    socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    return answer;
  };
  await Promise.race([lane(index, send), broken]).catch(() => errors++);
  socket.destroy();
}

async function overHttp2(index: number): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const broken = new Promise<never>((_resolve, reject) => session.on('error', reject).on('close', () => reject(new Error('closed'))));
  const head = grpc ? { ':method': 'POST', ':path': GRPC_PATH, 'content-type': 'application/grpc', te: 'trailers' } : { ':path': '/' };
  const send = (): Promise<boolean> =>
    new Promise((resolve) => {
      const stream = session.request(head, { endStream: !grpc });
      let ok = false;
      stream.on('response', (response) => (ok = response[':status'] === 200));
      stream.on('error', () => (ok = false));
      stream.on('close', () => resolve(ok));
      stream.resume();
      if (grpc) stream.end(GRPC_MESSAGE);
    });
  const lanes = Array.from({ length: streams }, (_, number) => lane(index * streams + number, send));
  await Promise.race([Promise.all(lanes), broken]).catch(() => errors++);
  session.destroy();
}

await Promise.all(Array.from({ length: connections }, (_, index) => (protocol === 'h2' ? overHttp2(index) : overHttp1(index))));
const sorted = Float64Array.from(times).sort();
const took = (performance.now() - started) / 1000;
const result: LoadResult = { requests: times.length, errors, seconds: took, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
process.stdout.write(JSON.stringify(result));
