// What the connections of one engine share: the flusher, timers, and tables of what is seen again and again.

import type { EngineTimers } from '../exchange/timers.ts';
import { FieldTable } from '../field/table.ts';
import type { H1Limits } from '../h1/limits.ts';
import { LineCache } from '../h1/line-cache.ts';
import type { RequestLine, StatusLine } from '../h1/start-line.ts';
import { Flusher } from './flusher.ts';
import type { H1Call } from './h1-call.ts';
import { H2OptionsCache } from './h2-options.ts';
import { IdleClocks } from './idle-clock.ts';
import { Places } from './places.ts';
import { StalledWires } from './stalled-wires.ts';
import { Ticker } from './ticker.ts';

const REQUEST_LINES = 1024;
const STATUS_LINES = 256;

export class EngineShared {
  readonly flusher = new Flusher();
  /** The requests under way on HTTP/1 connections to upstreams. */
  readonly calls = new Places<H1Call>();
  readonly fields = new FieldTable();
  readonly requestLines = new LineCache<RequestLine>(REQUEST_LINES);
  readonly statusLines = new LineCache<StatusLine>(STATUS_LINES);
  /** Of HTTP/1 messages. */
  readonly limits: H1Limits;
  readonly timers: EngineTimers;
  readonly ticker: Ticker;
  readonly idleClocks: IdleClocks;
  readonly stalled: StalledWires;
  readonly http2: H2OptionsCache;

  constructor(timers: EngineTimers, stallMs: number, limits: H1Limits) {
    this.limits = limits;
    this.timers = timers;
    this.ticker = new Ticker(timers);
    this.idleClocks = new IdleClocks(timers);
    this.http2 = new H2OptionsCache(stallMs);
    this.stalled = new StalledWires(timers, stallMs);
  }
}
