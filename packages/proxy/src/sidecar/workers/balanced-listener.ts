// A worker's listeners: each worker accepts from the same sockets, and one that has more connections than another passes new
// ones on. Left to the kernel alone, four connections that come at once end up with one worker as often as not.
import type { Socket } from 'node:net';
import { formatSocketAddress, type SocketAddress } from '@weft/core';
import { type OpenListener, serveSockets } from '../../accept/open-listener.ts';
import { adoptSocket, descriptorOf, type SocketCalls } from '../socket-calls.ts';
import type { FromWorker, SharedListener } from './messages.ts';
import type { SharedCells } from './shared-cells.ts';

export interface BalancedListenersOptions {
  readonly worker: number;
  readonly cells: SharedCells;
  readonly calls: Pick<SocketCalls, 'duplicate'>;
  post(message: FromWorker): void;
  /** Called for each connection that stays here. */
  onConnection(): void;
}

export interface BalancedListeners {
  readonly open: OpenListener;
  /** Takes the descriptor of a listener that is about to be opened. */
  expect(shared: SharedListener): void;
  /** Takes over a connection. */
  adopt(listener: SocketAddress, fd: number): void;
}

export function balancedListeners({ worker, cells, calls, post, onConnection }: BalancedListenersOptions): BalancedListeners {
  const descriptors = new Map<string, number>();
  const opened = new Map<string, (socket: Socket) => void>();

  /** For a connection that is counted already. */
  const keep = (socket: Socket, onSocket: (socket: Socket) => void): void => {
    socket.once('close', () => cells.disconnected(worker));
    onConnection();
    onSocket(socket);
  };

  const passOn = (socket: Socket, listener: SocketAddress, to: number): boolean => {
    const own = descriptorOf(socket);
    const fd = own === undefined ? undefined : calls.duplicate(own);
    if (fd === undefined) return false;
    post({ kind: 'connection', to, listener, fd });
    // The duplicate keeps the connection: this closes a descriptor and nothing else.
    socket.destroy();
    return true;
  };

  return {
    expect({ listener, fd }) {
      if (fd !== undefined) descriptors.set(formatSocketAddress(listener.listen), fd);
    },
    open(listener, backlog, onSocket) {
      const key = formatSocketAddress(listener.listen);
      const fd = descriptors.get(key);
      if (fd === undefined) throw new TypeError(`no descriptor for the listener at ${key}`);
      descriptors.delete(key);
      opened.set(key, onSocket);
      const socket = serveSockets({ fd, backlog }, (accepted) => {
        accepted.on('error', () => undefined);
        const to = cells.place(worker);
        if (to !== worker) {
          if (passOn(accepted, listener.listen, to)) return;
          cells.disconnected(to);
          cells.connected(worker);
        }
        keep(accepted, onSocket);
      });
      return {
        opened: socket.opened,
        get address() {
          return socket.address;
        },
        close() {
          opened.delete(key);
          socket.close();
        },
      };
    },
    adopt(listener, fd) {
      const onSocket = opened.get(formatSocketAddress(listener));
      const socket = adoptSocket(fd);
      socket.on('error', () => undefined);
      if (onSocket) return keep(socket, onSocket);
      // A listener that was closed meanwhile takes nothing more.
      cells.disconnected(worker);
      socket.destroy();
    },
  };
}
