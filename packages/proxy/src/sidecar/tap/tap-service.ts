// The tap service: what an observer asks, and its events as fast as it reads them. spec/proxy.md §9.5.
import { Metadata, type ServerWritableStream, status } from '@grpc/grpc-js';
import { formatReason, type Reason, reason, type TapEvent } from '@weft/core';
import type { GrpcService } from '@weft/process';
import { ConvertError, type ObserveRequest, tapEventToWire, tapMatchFromWire, tapService, type TapEvent as WireTapEvent } from '@weft/wire';
import { MAX_OBSERVATIONS, type Observation, type Observing, type TapHub, type TapObserver } from './tap-hub.ts';

type ObserveCall = ServerWritableStream<ObserveRequest, WireTapEvent>;

export function observing(hub: TapHub): GrpcService {
  return [
    tapService,
    {
      Observe(call: ObserveCall) {
        const asked = observationOf(call.request);
        if ('refused' in asked) return refuse(call, status.INVALID_ARGUMENT, asked.refused);
        const observer = new CallObserver(call);
        const started = hub.observe(asked, observer);
        if (!started) return refuse(call, status.RESOURCE_EXHAUSTED, reason('LOAD_SHED', `${MAX_OBSERVATIONS} observations are going on`));
        observer.start(started);
      },
    },
  ];
}

/** For whoever is not the one that may. */
export function refusing(why: Reason): GrpcService {
  return [tapService, { Observe: (call: ObserveCall) => refuse(call, status.UNAUTHENTICATED, why) }];
}

function refuse(call: ObserveCall, code: status, why: Reason): void {
  call.emit('error', { code, details: formatReason(why) });
}

/** Without `extract` headers are not wanted. */
function observationOf({ limit = 0, match, extract }: ObserveRequest): Observation | { readonly refused: Reason } {
  if (limit === 0) return { refused: reason('REQUEST_INVALID', 'limit must be positive') };
  try {
    return { limit, match: tapMatchFromWire(match), headers: Boolean(extract?.http?.headers) };
  } catch (error) {
    if (error instanceof ConvertError) return { refused: reason('REQUEST_INVALID', error.message) };
    throw error;
  }
}

/** Writes events while the stream takes them; what waits is bounded by the cells of the observation. */
class CallObserver implements TapObserver {
  readonly #call: ObserveCall;
  #observing: Observing | undefined;
  readonly #waiting: TapEvent[] = [];
  #full = false;
  #done = false;

  constructor(call: ObserveCall) {
    this.#call = call;
  }

  start(started: Observing): void {
    const { stop } = started;
    this.#observing = started;
    for (const event of ['cancelled', 'close', 'finish', 'error']) this.#call.once(event, stop);
    this.#call.on('drain', () => {
      this.#full = false;
      this.#flush();
    });
    // An observer that waits for the answer's head is to know that it is heard.
    this.#call.sendMetadata(new Metadata());
    if (this.#call.cancelled) stop();
  }

  event(event: TapEvent): void {
    this.#waiting.push(event);
    this.#flush();
  }

  done(): void {
    this.#done = true;
    this.#flush();
  }

  #flush(): void {
    const call = this.#call;
    const { id, cells } = this.#observing ?? {};
    if (id === undefined || call.destroyed || call.writableEnded) return;
    let sent = 0;
    for (; sent < this.#waiting.length && !this.#full; sent++) {
      cells?.leave();
      this.#full = !call.write(tapEventToWire(this.#waiting[sent] as TapEvent, id));
    }
    this.#waiting.splice(0, sent);
    if (this.#done && this.#waiting.length === 0) call.end();
  }
}
