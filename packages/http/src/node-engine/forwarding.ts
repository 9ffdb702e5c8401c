// One request on its way to an upstream and its response on the way back: bodies with back-pressure, trailers, resets, tunnels.
import { constants } from 'node:http2';
import type { ExchangeObserver, ExchangeOutcome, ForwardFailure, ForwardRules } from '../exchange/engine.ts';
import type { FieldList, ResponseHead } from '../exchange/head.ts';
import { translateRequest } from '../translate/translate.ts';
import type { BodyReceiver, Call, CallingUpstream, CallListener, ClientSide, IncomingBody, OutgoingBody, OutgoingRequest, TunnelEnd } from './sides.ts';
import { runTunnel } from './tunnel.ts';

export interface ForwardingOptions {
  readonly client: ClientSide;
  readonly upstream: CallingUpstream;
  readonly rules: ForwardRules;
  readonly observer: ExchangeObserver | null;
  /** Failed before a response head was relayed, with the client still there. */
  readonly onFailed: (failure: ForwardFailure) => void;
}

export class Forwarding implements CallListener {
  readonly #options: ForwardingOptions;
  readonly #restore: (head: ResponseHead) => void;
  readonly #upload: Upload;
  #call: Call | undefined;
  #download: Download | undefined;
  #sent = false;
  #relayed = false;
  #over = false;

  constructor(options: ForwardingOptions) {
    this.#options = options;
    const { client, upstream, rules, observer } = options;
    const { head, oneOff, restore } = translateRequest(client.request, rules, upstream.version);
    this.#restore = restore;
    const upload = new Upload(client.requestBody, () => {
      if (!this.#over) observer?.requestEnd?.();
    });
    this.#upload = upload;
    client.onGone = (code) => this.#clientGone(code);
    const request: OutgoingRequest = {
      head,
      oneOff,
      hasBody: client.requestBody !== null,
      get replayable() {
        return !upload.touched;
      },
    };
    const call = upstream.call(request, this);
    this.#call = call;
    // Where the upstream failed within the call, there is nothing to give up any more.
    if (this.#over) call.reset(constants.NGHTTP2_CANCEL);
  }

  /** Gives the exchange up from this side. */
  reset(code: number): void {
    this.#options.client.reset(code);
    this.#call?.reset(code);
    this.#finish({ kind: 'client-gone', code });
  }

  sent(body: OutgoingBody): void {
    if (this.#over) return;
    if (!this.#sent) {
      this.#sent = true;
      this.#options.observer?.sent?.();
    }
    this.#upload.into(body);
  }

  informational(head: ResponseHead): void {
    if (!this.#over && !this.#relayed) this.#options.client.informational(head);
  }

  response(head: ResponseHead, body: IncomingBody | null): void {
    if (this.#over) return;
    const { client, observer } = this.#options;
    this.#prepare(head);
    // The rules may have reset the exchange.
    if (this.#over) return;
    const out = client.respond(head, body === null);
    if (body === null) this.#finish({ kind: 'complete' });
    else {
      this.#download = new Download(body, out, observer, () => this.#finish({ kind: 'complete' }));
      this.#download.start();
    }
  }

  tunnel(head: ResponseHead, end: TunnelEnd): void {
    if (this.#over) return;
    this.#prepare(head);
    if (this.#over) return;
    runTunnel(this.#options.client.tunnel(head), end, (counts) => this.#finish({ kind: 'tunnel', ...counts }));
  }

  failed(failure: ForwardFailure): void {
    if (this.#over) {
      this.#upload.discard();
      return;
    }
    if (this.#options.client.gone) {
      this.#finish({ kind: 'client-gone' });
      return;
    }
    const relayed = this.#relayed;
    this.#upload.discard();
    this.#download?.stop();
    this.#finish({ kind: 'failed', failure });
    if (relayed) this.#options.client.reset(failure.kind === 'reset' ? failure.code : constants.NGHTTP2_INTERNAL_ERROR);
    else this.#options.onFailed(failure);
  }

  #prepare(head: ResponseHead): void {
    const { client, rules, observer } = this.#options;
    this.#relayed = true;
    this.#restore(head);
    rules.response?.(head, client.request);
    observer?.head?.(head);
  }

  #clientGone(code: number | undefined): void {
    // After a complete response this is the end of an upload that nobody waits for.
    this.#upload.stop();
    this.#download?.stop();
    this.#call?.reset(code ?? constants.NGHTTP2_CANCEL);
    this.#finish(code === undefined ? { kind: 'client-gone' } : { kind: 'client-gone', code });
  }

  #finish(outcome: ExchangeOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.observer?.end(outcome);
  }
}

/** The request body, from the client to whichever connection the request is bound to. */
class Upload implements BodyReceiver {
  /** Bytes or the end were taken from the client: the request cannot be sent again. */
  touched = false;
  readonly #body: IncomingBody | null;
  readonly #onEnd: () => void;
  #out: OutgoingBody | undefined;
  #started = false;
  #stopped = false;

  constructor(body: IncomingBody | null, onEnd: () => void) {
    this.#body = body;
    this.#onEnd = onEnd;
  }

  into(out: OutgoingBody): void {
    const first = this.#out === undefined;
    this.#out = out;
    if (this.#body === null) {
      if (first) this.#onEnd();
      return;
    }
    out.onDrain = () => this.#body?.resume();
    if (this.#started) return;
    this.#started = true;
    this.#body.start(this);
  }

  bodyData(chunk: Buffer): void {
    this.touched = true;
    if (!this.#stopped && this.#out?.write(chunk) === false) this.#body?.pause();
  }

  bodyEnd(trailers: FieldList): void {
    this.touched = true;
    if (this.#stopped) return;
    this.#onEnd();
    this.#out?.end(trailers);
  }

  /** Nothing more is sent; what the client still sends is dropped. */
  discard(): void {
    this.#stopped = true;
    this.#body?.discard();
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** The response body, from the upstream to the client. */
class Download implements BodyReceiver {
  readonly #body: IncomingBody;
  readonly #out: OutgoingBody;
  readonly #observer: ExchangeObserver | null;
  readonly #onEnd: () => void;
  #stopped = false;

  constructor(body: IncomingBody, out: OutgoingBody, observer: ExchangeObserver | null, onEnd: () => void) {
    this.#body = body;
    this.#out = out;
    this.#observer = observer;
    this.#onEnd = onEnd;
  }

  start(): void {
    this.#out.onDrain = () => this.#body.resume();
    this.#body.start(this);
  }

  bodyData(chunk: Buffer): void {
    if (this.#stopped) return;
    this.#observer?.data?.(chunk.length);
    if (!this.#out.write(chunk)) this.#body.pause();
  }

  bodyEnd(trailers: FieldList): void {
    if (this.#stopped) return;
    if (trailers.length > 0) this.#observer?.trailers?.(trailers);
    this.#out.end(trailers);
    this.#onEnd();
  }

  stop(): void {
    this.#stopped = true;
  }
}
