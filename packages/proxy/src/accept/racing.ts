// The races of one side, where they are asked for: how they start, and what they have learnt.
import type { Socket } from 'node:net';
import type { Clock } from '@weft/core';
import type { DetectConfig } from '../config.ts';
import type { DetectMetrics } from '../observe/detect-metrics.ts';
import { Race } from './race.ts';
import { Remembered } from './remembered.ts';

export interface Racing {
  /** Addresses (`ip:port`) whose servers spoke first. */
  readonly serverFirst: Remembered;
  /** Addresses of clients that speak mesh TLS: what they say first is a ClientHello, however late it comes. */
  readonly meshed: Remembered;
  /** `dial` connects as the relay would; `signal` is the client connection's. `hello`: the client may still begin a TLS handshake. */
  start(dial: (signal: AbortSignal) => Promise<Socket>, signal: AbortSignal, hello: boolean): Race;
}

/** Undefined where detection waits for the client, as Linkerd's does. */
export function racing(direction: 'inbound' | 'outbound', config: DetectConfig, { serverFirst: gauge }: DetectMetrics, clock: Clock): Racing | undefined {
  if (config.mode === 'wait') return undefined;
  const { headStartMs, helloHeadStartMs, rememberMs, maxRemembered } = config;
  const bounds = { max: maxRemembered, lifetimeMs: rememberMs, clock };
  const show = (address: string, known: boolean): void => {
    const labels = { direction, target_addr: address };
    if (known) gauge.with(labels).set(1);
    else gauge.remove(labels);
  };
  return {
    serverFirst: new Remembered({ ...bounds, onChange: show }),
    meshed: new Remembered(bounds),
    start: (dial, signal, hello) => new Race({ headStartMs: hello ? helloHeadStartMs : headStartMs, clock, dial, signal }),
  };
}
