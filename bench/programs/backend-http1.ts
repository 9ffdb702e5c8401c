// The application behind the proxies, HTTP/1.1: as many bytes as the first argument says for every request head, at little cost of its own.
import { createServer } from 'node:net';
import { announce } from './announce.ts';

const body = Buffer.alloc(Number(process.argv[2] ?? 64), 'x');
const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
const RESPONSE = Buffer.concat([Buffer.from(head, 'latin1'), body]);

announce(
  createServer({ noDelay: true }, (socket) => {
    // Requests have no body; an end of a head may be spread over chunks.
    let tail = '';
    socket.on('data', (chunk: Buffer) => {
      const text = tail + chunk.toString('latin1');
      const heads = text.split('\r\n\r\n');
      tail = heads.pop() ?? '';
      if (heads.length > 0) socket.write(heads.length === 1 ? RESPONSE : Buffer.concat(heads.map(() => RESPONSE)));
    });
    socket.on('error', () => socket.destroy());
  }),
);
