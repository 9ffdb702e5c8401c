// The baseline for bytes: sockets of node:net piped into each other. Argument: backend port.
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { announce } from './announce.ts';

const port = Number(process.argv[2]);
const ignore = (): void => undefined;

announce(
  createServer({ noDelay: true }, (client) => {
    const backend = connect({ port, host: '127.0.0.1', noDelay: true });
    pipeline(client, backend, ignore);
    pipeline(backend, client, ignore);
  }),
);
