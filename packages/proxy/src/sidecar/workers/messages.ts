// What the main thread and its workers say to each other. Everything is plain data; order is kept.
import type { Millis, PolicyTarget, RegistrySnapshot, SocketAddress } from '@weft/core';
import type { OutboundQuestion } from '@weft/core/explain';
import type { LogThreshold } from '@weft/process';
import type { Target } from '../../admin/explain-query.ts';
import type { Listener } from '../../config.ts';
import type { PoolSnapshot } from '../../outbound/pool-backend.ts';
import type { TapMessage } from '../../tap/tap-port.ts';
import type { Config } from '../config/config.ts';
import type { PackedState } from './packed-state.ts';

/** What can be watched across the border. */
export type Topic =
  | { readonly kind: 'credentials' }
  | { readonly kind: 'endpoints'; readonly path: string }
  | { readonly kind: 'profile'; readonly target: string }
  | { readonly kind: 'outbound'; readonly target: PolicyTarget }
  | { readonly kind: 'inbound'; readonly port: number }
  | { readonly kind: 'taps' };

export type Side = 'inbound' | 'outbound';

/** A listener that is bound, at its real address. */
export interface SharedListener {
  readonly listener: Listener;
  /** This worker's own descriptor of it; given once, when the listener is new. */
  readonly fd?: number | undefined;
}

export type ToWorker =
  | { readonly kind: 'listeners'; readonly side: Side; readonly list: readonly SharedListener[] }
  | { readonly kind: 'state'; readonly id: number; readonly state: PackedState }
  /** A connection that another worker accepted; `listener` is the address of its listener. */
  | { readonly kind: 'connection'; readonly listener: SocketAddress; readonly fd: number }
  | { readonly kind: 'count'; readonly id: number; readonly retainIdleMs: number }
  /** How its balancers stand that this request would meet. */
  | { readonly kind: 'explain'; readonly id: number; readonly target: Target; readonly question: OutboundQuestion }
  | { readonly kind: 'log-level'; readonly level: LogThreshold }
  | { readonly kind: 'drain' };

export type FromWorker =
  /** `waits`: the worker stands still until the first state is there. */
  | { readonly kind: 'subscribe'; readonly id: number; readonly topic: Topic; readonly waits: boolean }
  | { readonly kind: 'unsubscribe'; readonly id: number }
  | { readonly kind: 'listening' }
  | { readonly kind: 'connection'; readonly to: number; readonly listener: SocketAddress; readonly fd: number }
  | { readonly kind: 'tapped'; readonly message: TapMessage }
  | { readonly kind: 'counted'; readonly id: number; readonly metrics: RegistrySnapshot }
  /** `origin`: of the clock that the times in it are on. */
  | { readonly kind: 'explained'; readonly id: number; readonly pools: readonly PoolSnapshot[]; readonly origin: Millis }
  /** The last that a worker says. */
  | { readonly kind: 'drained'; readonly metrics: RegistrySnapshot };

/** Given to a worker at its start. */
export interface WorkerStart {
  readonly index: number;
  readonly config: Config;
  readonly identity: { readonly name: string; readonly serverName: string; readonly anchors: readonly Uint8Array[] };
  readonly shared: SharedArrayBuffer;
  /** Of rate limits. */
  readonly buckets: SharedArrayBuffer;
  /** Of retries. */
  readonly budgets: SharedArrayBuffer;
}
