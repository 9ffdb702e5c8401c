// Mesh TLS for load generators that have none: each plaintext connection becomes one TLS 1.3 connection with a client certificate and
// the server's name. It offers `h2` and does not insist. Arguments: host, port, files of anchors, certificate and key, the server's name.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { connect, createSecureContext } from 'node:tls';
import { announce } from './announce.ts';

const [host, port, anchors = '', certificate = '', key = '', servername = ''] = process.argv.slice(2);
const secureContext = createSecureContext({ ca: readFileSync(anchors), cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.3' });
const ignore = (): void => undefined;

announce(
  createServer({ noDelay: true }, (plain) => {
    const secure = connect({ host, port: Number(port), servername, secureContext, ALPNProtocols: ['h2'] });
    secure.setNoDelay(true);
    pipeline(plain, secure, ignore);
    pipeline(secure, plain, ignore);
  }),
);
