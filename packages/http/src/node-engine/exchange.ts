// The engine's exchange: exactly one of forward and respond, and one respond after a failed forward.
import type { Exchange, ExchangeObserver, ForwardRules, LocalResponse, Upstream } from '../exchange/engine.ts';
import { field, type RequestHead, type ResponseHead } from '../exchange/head.ts';
import { Forwarding } from './forwarding.ts';
import type { ClientSide } from './sides.ts';
import { H1Upstream } from './upstream-h1.ts';
import { H2Upstream } from './upstream-h2.ts';

type State = 'fresh' | 'forwarding' | 'failed' | 'done';

export class NodeExchange implements Exchange {
  readonly request: RequestHead;
  readonly #client: ClientSide;
  #state: State = 'fresh';
  #forwarding: Forwarding | undefined;

  constructor(client: ClientSide) {
    this.#client = client;
    this.request = client.request;
  }

  get aborted(): boolean {
    return this.#client.gone;
  }

  forward(upstream: Upstream, rules: ForwardRules, observer: ExchangeObserver | null): void {
    if (!(upstream instanceof H1Upstream || upstream instanceof H2Upstream)) throw new TypeError('upstream belongs to another engine');
    if (this.#state !== 'fresh') return;
    this.#state = 'forwarding';
    if (this.#client.gone) {
      observer?.end({ kind: 'client-gone' });
      return;
    }
    this.#forwarding = new Forwarding({
      client: this.#client,
      upstream,
      rules,
      observer,
      onFailed: (failure) => {
        this.#state = 'failed';
        this.#client.onGone = null;
        rules.failed(this, failure);
      },
    });
  }

  respond(response: LocalResponse): void {
    if (this.#state !== 'fresh' && this.#state !== 'failed') return;
    this.#state = 'done';
    const client = this.#client;
    if (client.gone) return;
    const head: ResponseHead = { status: response.status, version: client.request.version, headers: response.headers.slice() };
    const body = response.body ?? EMPTY;
    if (field(head.headers, 'content-length') === undefined && response.status !== 204 && response.status !== 304) {
      head.headers.push('content-length', String(body.length));
    }
    if (response.close === true) client.closeAfter();
    client.requestBody?.discard();
    const out = client.respond(head, body.length === 0);
    if (body.length === 0) return;
    out.write(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    out.end([]);
  }

  reset(code: number): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    if (this.#forwarding === undefined) this.#client.reset(code);
    else this.#forwarding.reset(code);
  }
}

const EMPTY = new Uint8Array(0);
