// The npm package http2-proxy as its documentation shows it, with an agent that keeps connections. It speaks HTTP/1 to backends only.
// Arguments: `h1` or `h2`, backend port.
import { Agent, createServer, request as send } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { Server } from 'node:net';
import proxy from 'http2-proxy';
import { announce } from './announce.ts';

/** What the package has; its own types know HTTP/2 clients only. */
const { web } = proxy as unknown as {
  web(request: unknown, response: unknown, options: object, done: (error: unknown, request: unknown, response: Failing) => void): void;
};
interface Failing {
  statusCode: number;
  end(): void;
}

const port = Number(process.argv[3]);
const agent = new Agent({ keepAlive: true });
const options = { hostname: '127.0.0.1', port, onReq: (_request: unknown, call: object) => send({ ...call, agent }) };

const handle = (request: unknown, response: Failing): void =>
  web(request, response, options, (error) => {
    if (!error) return;
    response.statusCode = 502;
    response.end();
  });

const server: Server =
  process.argv[2] === 'h2' ? createHttp2Server({ settings: { maxConcurrentStreams: 1000 } }, handle) : createServer({ keepAliveTimeout: 0 }, handle);
announce(server);
