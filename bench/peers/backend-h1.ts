// The application behind the proxies, HTTP/1.1: 64 bytes for every request head, at little cost of its own.
import { createServer } from 'node:net';
import { announce } from './own-server.ts';

const BODY = 'x'.repeat(64);
const RESPONSE = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`, 'latin1');

announce(
  createServer({ noDelay: true }, (socket) => {
    // Requests have no body; an end of a head may be spread over chunks.
    let tail = '';
    socket.on('data', (chunk: Buffer) => {
      const text = tail + chunk.toString('latin1');
      const heads = text.split('\r\n\r\n');
      tail = heads.pop() ?? '';
      if (heads.length > 0) socket.write(Buffer.concat(heads.map(() => RESPONSE)));
    });
    socket.on('error', () => socket.destroy());
  }),
);
