// The races of one side, where they are asked for: what they start with, and what they have learnt.
import type { Socket } from 'node:net';
import type { Clock } from '@weft/core';
import type { DetectConfig } from '../config.ts';
import type { DetectMetrics } from '../observe/detect-metrics.ts';
import { Race } from './race.ts';
import { Remembered } from './remembered.ts';

export interface Racing {
  /** Addresses (`ip:port`) whose servers spoke first. */
  readonly serverFirst: Remembered;
  /** `dial` connects as the relay would; `signal` is the client connection's. */
  start(dial: (signal: AbortSignal) => Promise<Socket>, signal: AbortSignal): Race;
}

/** Undefined where detection waits for the client, as Linkerd's does. */
export function racing(direction: 'inbound' | 'outbound', config: DetectConfig, metrics: DetectMetrics, clock: Clock): Racing | undefined {
  if (config.mode === 'wait') return undefined;
  const { headStartMs, rememberMs, maxRemembered } = config;
  return {
    serverFirst: new Remembered({ max: maxRemembered, lifetimeMs: rememberMs, clock, gauge: metrics.serverFirst, labels: { direction } }),
    start: (dial, signal) => new Race({ headStartMs, clock, dial, signal }),
  };
}
