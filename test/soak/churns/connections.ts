// Connections, one after the other: some bytes there and back and an end, or a reset; over plain TCP, and with a handshake of mutual TLS for each.
import { connect } from 'node:net';
import type { Churn, ChurnWorld } from '../churn.ts';

const TEXT = '\x01 bytes';

export const connections: Churn = churn('connections', 760_000, 32, (world) => world.plainTcp, 4);
export const handshakes: Churn = churn('handshakes', 55_000, 8, (world) => world.tcp);

/** Every `resetEach`th is reset as soon as it is established. Default none. */
function churn(name: string, rounds: number, width: number, portOf: (world: ChurnWorld) => number, resetEach = Number.POSITIVE_INFINITY): Churn {
  return {
    name,
    rounds,
    width,
    start(world) {
      const port = portOf(world);
      return { round: (index) => (index % resetEach === 1 ? reset(port) : echo(port)), close: () => undefined };
    },
  };
}

function echo(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.setEncoding('latin1').on('data', (text: string) => (received += text));
    socket.on('error', reject);
    socket.on('close', () => (received === TEXT ? resolve() : reject(new Error(`${JSON.stringify(received)} came back`))));
    socket.end(TEXT, 'latin1');
  });
}

function reset(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.resetAndDestroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}
