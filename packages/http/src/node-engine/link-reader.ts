// Reads a link for a changing owner: parser, tunnel, or the idle pool. The one place where HTTP/1 listens to a socket.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Link } from '../exchange/engine.ts';

export interface LinkOwner {
  /** False: stop reading until `LinkReader.resume`. */
  linkData(chunk: Buffer): boolean;
  /** The peer ended its side. */
  linkEnd(): void;
  /** The link is closed. Last call. */
  linkClosed(error: Error | undefined): void;
}

export class LinkReader {
  readonly link: Link;
  owner: LinkOwner;
  ended = false;
  closed = false;
  #error: Error | undefined;
  #held = false;

  constructor(link: Link, owner: LinkOwner) {
    this.link = link;
    this.owner = owner;
    sendAtOnce(link);
    // One side may end before the other: tunnels keep half-closed connections, and HTTP decides for itself.
    link.allowHalfOpen = true;
    link.on('error', (error: Error) => {
      this.#error ??= error;
    });
    link.on('data', (chunk: Buffer) => {
      if (!this.owner.linkData(chunk)) link.pause();
    });
    link.on('end', () => {
      this.ended = true;
      this.owner.linkEnd();
    });
    link.on('close', () => this.#close());
    if (link.destroyed) process.nextTick(() => this.#close());
  }

  get error(): Error | undefined {
    return this.#error;
  }

  resume(): void {
    if (!this.#held && !this.link.destroyed) this.link.resume();
  }

  /** Stops reading whatever the owner wants, until `release`. */
  hold(): void {
    this.#held = true;
    this.link.pause();
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.resume();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.owner.linkClosed(this.#error);
  }
}

/** The engine writes whole messages where it has them; waiting for more (RFC 896) only delays them. */
export function sendAtOnce(link: Link): void {
  if (link instanceof Socket) link.setNoDelay(true);
}

/** Closes so that the peer sees a failure: a plain FIN would be the clean end of a message that lasts until the connection closes. */
export function abortLink(link: Link): void {
  if (link instanceof Socket && !(link instanceof TLSSocket) && !link.destroyed && !link.connecting) link.resetAndDestroy();
  else link.destroy();
}
