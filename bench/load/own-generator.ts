// The program behind `own`: arguments protocol, port, connections, streams, seconds; prints a LoadResult as JSON.
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { percentile } from './run-program.ts';

const [protocol = 'h1', ...numbers] = process.argv.slice(2);
const [port = 0, connections = 1, streams = 1, seconds = 1] = numbers.map(Number);
const times: number[] = [];
let errors = 0;
const started = performance.now();
const end = started + seconds * 1000;
const running = (): boolean => performance.now() < end;

/** Requests one after another on one connection. Responses have a Content-Length. */
function overHttp1(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let sent = 0;
    let text = '';
    const next = (): void => {
      text = '';
      sent = performance.now();
      if (running()) socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      else socket.destroy();
    };
    socket.on('connect', next);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const headEnd = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0);
      if (headEnd < 0 || text.length < headEnd + 4 + length) return;
      if (text.startsWith('HTTP/1.1 200')) times.push(performance.now() - sent);
      else errors++;
      next();
    });
    socket.on('error', () => errors++);
    socket.on('close', () => resolve());
  });
}

async function overHttp2(): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => errors++);
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const sent = performance.now();
      const stream = session.request({ ':path': '/' });
      stream.on('response', (head) => {
        if (head[':status'] === 200) times.push(performance.now() - sent);
        else errors++;
      });
      stream.on('error', () => errors++);
      stream.on('close', () => resolve());
      stream.resume();
    });
  const lane = async (): Promise<void> => {
    while (running() && !session.destroyed) await one();
  };
  await Promise.all(Array.from({ length: streams }, lane));
  session.destroy();
}

await Promise.all(Array.from({ length: connections }, protocol === 'h2' ? overHttp2 : overHttp1));
const sorted = Float64Array.from(times).sort();
const took = (performance.now() - started) / 1000;
process.stdout.write(JSON.stringify({ requests: times.length, errors, seconds: took, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) }));
