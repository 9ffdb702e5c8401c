// The HTTP/2 sessions of a churn's client, one after the other, each for so many streams.
import { type ClientHttp2Session, connect } from 'node:http2';

export interface SessionsOptions {
  readonly port: number;
  readonly streamsEach: number;
  /** Every other session that is full is cut, streams and all. Default: it ends with its last stream. */
  readonly cut?: boolean;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #cut = new WeakSet<ClientHttp2Session>();
  #session: ClientHttp2Session | undefined;
  #full = 0;
  #used = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** For one stream. */
  current(): ClientHttp2Session {
    const { port, streamsEach } = this.#options;
    if (this.#session && !this.#session.destroyed && !this.#session.closed && this.#used++ < streamsEach) return this.#session;
    if (this.#session) this.#end(this.#session);
    this.#used = 0;
    this.#session = connect(`http://127.0.0.1:${port}`);
    this.#session.on('error', () => undefined);
    return this.#session;
  }

  wasCut(session: ClientHttp2Session): boolean {
    return this.#cut.has(session);
  }

  close(): void {
    if (this.#session) destroyLater(this.#session);
  }

  #end(session: ClientHttp2Session): void {
    if (!this.#options.cut || this.#full++ % 2 === 1) return session.close();
    this.#cut.add(session);
    destroyLater(session);
  }
}

/** In a turn of its own: who asks may have been called by the session while it reads, and Node must not reset streams then (`http2-application.ts`). */
function destroyLater(session: ClientHttp2Session): void {
  setImmediate(() => session.destroy());
}
