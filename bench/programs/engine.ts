// Nothing but the HTTP engine between a listener and an upstream, one hop: no detection, policy, balancer or metrics.
// Arguments: the hop as JSON, backend port, and files of anchors, certificate and key; the name that the next hop must show.
import { constants } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { type ForwardRules, weftEngine } from '@weft/http';
import type { Hop, Side } from '../hop.ts';
import { announce } from './announce.ts';

const [hopText = '', portText = '', anchors = '', certificate = '', key = '', serverName = ''] = process.argv.slice(2);
const { client, server } = JSON.parse(hopText) as Hop;
const port = Number(portText);
// No tickets, as between proxies of a mesh.
const secureOptions = constants.SSL_OP_NO_TICKET;
const tls = { ca: readFileSync(anchors), cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.3', secureOptions } as const;

const version = ({ protocol }: Side): 'http/1' | 'http/2' => (protocol === 'h1' ? 'http/1' : 'http/2');
/** HTTP/1 travels between proxies as HTTP/2. */
const origProto = client.protocol === server.protocol ? 'none' : client.protocol === 'h1' ? 'encode' : 'decode';

const engine = weftEngine();
const upstream = engine.upstream({
  version: version(server),
  dial: async () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    if (!server.tls) return socket;
    const secure = connectTls({ ...tls, socket, servername: serverName });
    await once(secure, 'secureConnect');
    return secure;
  },
});
const rules: ForwardRules = { origProto, failed: (exchange, failure) => exchange.respond({ status: 502, headers: ['x-failure', failure.kind] }) };

const accept = (socket: Socket): void => {
  socket.on('error', () => socket.destroy());
  engine.serve(socket, { version: version(client) }, (exchange) => exchange.forward(upstream, rules, null));
};
announce(
  client.tls
    ? createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: true, noDelay: true, allowHalfOpen: true }, accept)
    : createServer({ noDelay: true, allowHalfOpen: true }, accept),
);
