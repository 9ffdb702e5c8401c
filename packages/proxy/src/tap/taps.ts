// The observations that are going on, as the request path sees them: nothing but a null where there is none. spec/proxy.md §9.5.
import type { Clock, Counter, MetricRegistry, TapHeaders, TapSides, Unsubscribe } from '@weft/core';
import type { ExchangeObserver, RequestHead } from '@weft/http';
import { compileTapMatch, type TapPredicate, type TapSubject } from './compile-match.ts';
import { pathOf, requestLines } from './head-view.ts';
import { TapCells } from './tap-cells.ts';
import type { TapPort, TapRequest } from './tap-port.ts';
import { type TappableObserver, TappedExchange } from './tapped-exchange.ts';
import { TappedStream } from './tapped-stream.ts';

export interface TapsOptions {
  /** Undefined: nobody can tap. */
  readonly port: TapPort | undefined;
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
}

/** A request that is about to be forwarded. */
export interface TappedRequest {
  readonly request: RequestHead;
  readonly sides: TapSides;
  /** Where it names none. */
  readonly authority: string | undefined;
  /** HTTP/1 that came in HTTP/2. */
  readonly carried: boolean;
}

interface Tap {
  readonly request: TapRequest;
  readonly cells: TapCells;
  readonly matches: TapPredicate;
}

export class Taps {
  /** Null while nobody taps: what a request looks at. */
  current: readonly Tap[] | null = null;
  readonly #options: TapsOptions;
  readonly #dropped: Counter;
  readonly #release: Unsubscribe;

  constructor(options: TapsOptions) {
    this.#options = options;
    this.#dropped = options.metrics.counter('weft_tap_events_dropped_total', 'Events of observed requests that an observer was too slow for.').with({});
    this.#release = options.port?.requests.subscribe((state) => this.#follow(state.kind === 'value' ? state.value : [])) ?? (() => undefined);
  }

  /** Who watches the exchange: `inner` itself where nobody wants to see this request. */
  observe(inner: TappableObserver, { request, sides, authority: otherwise, carried }: TappedRequest): ExchangeObserver {
    const { current } = this;
    const { port, clock } = this.#options;
    if (current === null || port === undefined) return inner;
    const http1 = request.version !== '2' || carried;
    const authority = request.authority ?? (http1 ? otherwise : undefined) ?? '';
    const { method } = request;
    const scheme = request.scheme ?? (http1 && authority !== '' ? 'http' : undefined);
    const subject: TapSubject = { sides, method, scheme, authority, path: pathOf(request) };
    const startedAt = clock.now();
    const streams: TappedStream[] = [];
    let lines: TapHeaders | undefined;
    for (const tap of current) {
      if (!tap.matches(subject)) continue;
      const number = tap.cells.take(tap.request.limit);
      if (number === undefined) continue;
      const stream = new TappedStream({ request: tap.request, cells: tap.cells, stream: number, sides, port, startedAt, dropped: this.#dropped });
      if (stream.headers) lines ??= requestLines(request, scheme, authority, carried);
      const begun = stream.begin({ kind: 'request', method, scheme, authority, path: subject.path, headers: stream.headers ? lines : undefined });
      if (begun) streams.push(stream);
    }
    return streams.length === 0 ? inner : new TappedExchange({ inner, request, streams, carried, clock });
  }

  close(): void {
    this.#release();
    this.current = null;
  }

  #follow(requests: readonly TapRequest[]): void {
    const known = new Map(this.current?.map((tap) => [tap.request.id, tap]));
    const taps = requests.map((request) => known.get(request.id) ?? { request, cells: new TapCells(request.cells), matches: compileTapMatch(request.match) });
    this.current = taps.length === 0 ? null : taps;
  }
}
