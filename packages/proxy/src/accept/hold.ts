// Holds accepted connections, unread, until the first certificate is there: bounded in number and time. spec/proxy.md §1.5.
import type { Socket } from 'node:net';
import { type Clock, type Reason, reason, type Timer } from '@weft/core';

export interface HoldOptions {
  readonly maxHeld: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  onRefused(socket: Socket, why: Reason): void;
}

export interface Hold {
  /** Calls `admit` now when open, later when not. A connection that cannot be held or waits too long is destroyed. */
  pass(socket: Socket, admit: () => void): void;
  /** Admits everything held, and all that comes from here on. */
  open(): void;
  /** Destroys everything held. */
  close(): void;
}

interface Held {
  readonly admit: () => void;
  readonly timer: Timer;
}

export function createHold(options: HoldOptions): Hold {
  const held = new Map<Socket, Held>();
  let isOpen = false;

  const refuse = (socket: Socket, detail: string): void => {
    options.onRefused(socket, reason('IDENTITY_NOT_READY', detail));
    socket.destroy();
  };

  return {
    pass(socket, admit) {
      if (isOpen) return admit();
      if (held.size >= options.maxHeld) return refuse(socket, `${options.maxHeld} connections wait already`);
      const timer = options.clock.after(options.timeoutMs, () => {
        if (held.delete(socket)) refuse(socket, `waited ${options.timeoutMs} ms`);
      });
      held.set(socket, { admit, timer });
      socket.once('close', () => {
        timer.cancel();
        held.delete(socket);
      });
    },
    open() {
      isOpen = true;
      for (const [socket, entry] of held) {
        held.delete(socket);
        entry.timer.cancel();
        entry.admit();
      }
    },
    close() {
      for (const [socket, entry] of held) {
        entry.timer.cancel();
        socket.destroy();
      }
      held.clear();
    },
  };
}
