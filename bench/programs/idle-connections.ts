// Opens connections, lets each carry one request, and keeps them, for as long as it lives. Each command is a number of connections
// to have; each answer says how many there are. Arguments: `h1` or `h2`, host, port; and files of anchors, certificate and key, and the
// server's name, where they are in TLS.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { converse } from './conversation.ts';

const [protocol, host, port, anchors, certificate, key, servername] = process.argv.slice(2);
const secureContext =
  anchors && certificate && key
    ? createSecureContext({ ca: readFileSync(anchors), cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.3' })
    : undefined;
/** Under way at once. */
const LANES = 20;

// Preface, empty SETTINGS, and one request: `:method: GET`, `:scheme: http`, `:path: /` from the static table (RFC 7541), `:authority: a`.
const HTTP2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0),
  Buffer.of(0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x01, 1, 0x61),
]);
const HTTP1 = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
const SETTINGS_ACK = Buffer.of(0, 0, 0, 4, 1, 0, 0, 0, 0);

const open: Socket[] = [];

/** Resolves when the answer has come. */
function openOne(): Promise<void> {
  return new Promise((resolve, reject) => {
    const target = { port: Number(port), host };
    const socket = secureContext
      ? connectTls({ ...target, secureContext, ALPNProtocols: ['h2'], ...(servername ? { servername } : {}) }, () => socket.write(HTTP2))
      : connect(target, () => socket.write(protocol === 'h2' ? HTTP2 : HTTP1));
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      // All backends answer with this many x.
      if (!bytes.includes('x'.repeat(64))) return;
      if (protocol === 'h2') socket.write(SETTINGS_ACK);
      bytes = Buffer.alloc(0);
      open.push(socket);
      resolve();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('an idle connection was closed')));
  });
}

await converse(async (wanted: number) => {
  let missing = wanted - open.length;
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      while (missing-- > 0) await openOne();
    }),
  );
  return open.length;
});
