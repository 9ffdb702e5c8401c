// One address of a balanced channel: always connected or on its way there, until it is drained. spec/proxy.md §6.1 (eager connections).
import type { SocketAddress } from '@weft/core';
import { GrpcSessions, type SessionsOptions } from './grpc-sessions.ts';
import type { Lease } from './lease.ts';

export interface MemberOptions extends SessionsOptions {
  readonly address: SocketAddress;
  /** It can take calls now, or no longer. */
  readonly changed: () => void;
  /** An attempt to connect failed; the next one follows after the backoff. */
  readonly onFailed: (address: SocketAddress, error: unknown) => void;
}

export class BalancedMember {
  readonly address: SocketAddress;
  /** Why it is not ready, where an attempt to connect failed. */
  lastError: string | undefined;
  readonly #options: MemberOptions;
  readonly #sessions: GrpcSessions;
  #driving = false;
  #left = false;

  constructor(options: MemberOptions) {
    this.address = options.address;
    this.#options = options;
    this.#sessions = new GrpcSessions({ ...options, changed: () => this.#onChange() });
    void this.#drive();
  }

  get ready(): boolean {
    return !this.#left && this.#sessions.ready;
  }

  take(): Lease | undefined {
    if (this.#left) return undefined;
    const lease = this.#sessions.take();
    // That may have been the last stream that the peer allows on this connection.
    if (!this.#sessions.ready) void this.#drive();
    return lease;
  }

  /** No new calls; those that run go on. */
  drain(): void {
    this.#left = true;
    this.#sessions.drain();
  }

  /** Still holds connections. */
  get lingers(): boolean {
    return this.#sessions.size > 0;
  }

  close(): void {
    this.#left = true;
    this.#sessions.close();
  }

  #onChange(): void {
    if (!this.#left && !this.#sessions.ready) void this.#drive();
    this.#options.changed();
  }

  /** Never rejects. */
  async #drive(): Promise<void> {
    if (this.#driving) return;
    this.#driving = true;
    while (!this.#left && !this.#sessions.ready) {
      try {
        await this.#sessions.connect();
        this.lastError = undefined;
      } catch (error) {
        if (this.#left) break;
        this.lastError = error instanceof Error ? error.message : String(error);
        this.#options.onFailed(this.address, error);
      }
    }
    this.#driving = false;
    this.#options.changed();
  }
}
