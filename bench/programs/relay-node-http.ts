// The baseline: what a reverse proxy costs on node:http and its agent, as one would write it in an afternoon. Argument: backend port.
import { Agent, createServer, request } from 'node:http';
import { announce } from './announce.ts';

const port = Number(process.argv[2]);
const agent = new Agent({ keepAlive: true });

announce(
  createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const call = request({ host: '127.0.0.1', port, method, path: url, headers, agent }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    call.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(call);
  }),
);
