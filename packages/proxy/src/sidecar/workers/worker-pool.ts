// All worker threads: the listeners they share, what they are told, what they count. spec/proxy.md §1.3 CORES*; docs/architecture.md, "Several cores".
import { randomInt } from 'node:crypto';
import { closeSync } from 'node:fs';
import { assertNever, constantWatch, type IdentityPort, type Logger, type RegistrySnapshot, type SocketAddress, type Watch } from '@weft/core';
import type { LogThreshold } from '@weft/process';
import type { AskBalancers } from '../../admin/balancers.ts';
import type { Listener } from '../../config.ts';
import type { ProxyPorts } from '../../ports.ts';
import type { TapPort } from '../../tap/tap-port.ts';
import type { Config } from '../config/config.ts';
import type { SocketCalls } from '../socket-calls.ts';
import type { Side, Topic } from './messages.ts';
import { shareListeners } from './share-listeners.ts';
import { SharedBuckets, threadNanos } from './shared-buckets.ts';
import { SharedBudgets } from './shared-budgets.ts';
import { SharedCells } from './shared-cells.ts';
import { WorkerThread } from './worker-thread.ts';

export interface WorkerPoolOptions {
  /** The program of a worker: it calls `proxyWorkerMain`. */
  readonly entry: URL;
  readonly config: Config;
  readonly listeners: Readonly<Record<Side, Watch<readonly Listener[]>>>;
  readonly ports: Pick<ProxyPorts, 'identity' | 'discovery' | 'policy'>;
  /** Undefined: nobody can tap. */
  readonly tap: TapPort | undefined;
  readonly calls: Pick<SocketCalls, 'duplicate'>;
  readonly logger: Logger;
  /** A worker has failed, and its connections with it. */
  onFailed(error: Error): void;
}

export interface WorkerPool {
  /** Resolves when every worker accepts; rejects when a listener cannot be bound, or a worker fails. */
  readonly listening: Promise<void>;
  readonly addresses: Readonly<Record<Side, readonly SocketAddress[]>>;
  /** What each worker counts. A worker that does not answer soon is shown as it was. */
  count(retainIdleMs: number): Promise<readonly RegistrySnapshot[]>;
  /** How the balancers of each worker stand. Workers that do not answer soon are left out. */
  balancers: AskBalancers;
  /** What every worker logs from now on. */
  setLogLevel(level: LogThreshold): void;
  /** Lets every worker finish; each keeps to the grace period by itself. Never rejects. */
  close(): Promise<void>;
  destroy(): void;
}

/** A scrape waits this long for a worker. */
const COUNT_MS = 1_000;
/** Longer than a worker itself waits for discovery. */
const EXPLAIN_MS = 2_000;
/** A worker that has not ended so long after the grace period is ended. */
const SLACK_MS = 1_000;

export function startWorkers(options: WorkerPoolOptions): WorkerPool {
  const { config, ports, logger, calls } = options;
  const cells = new SharedCells(config.workers);
  const buckets = new SharedBuckets({ seed: randomInt(2 ** 31) }, threadNanos());
  const budgets = new SharedBudgets({ seed: randomInt(2 ** 31) }, () => performance.now());
  let failed: (error: Error) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => (failed = reject));
  failure.catch(() => undefined);

  const threads: readonly WorkerThread[] = Array.from({ length: config.workers }, (_, index) => {
    const thread = new WorkerThread({
      entry: options.entry,
      start: { index, config, identity: plainIdentity(ports.identity), shared: cells.buffer, buckets: buckets.buffer, budgets: budgets.buffer },
      watch: (topic) => watchOf(options, topic),
      ring: () => cells.ring(index),
      onConnection({ to, listener, fd }) {
        const other = threads[to];
        if (other && !closing) other.post({ kind: 'connection', listener, fd });
        else closeSync(fd);
      },
      onTapped: (message) => options.tap?.tell(message),
      onFailed(error) {
        logger.log('error', 'A worker thread has failed', { worker: index, error });
        failed(error);
        options.onFailed(error);
      },
    });
    return thread;
  });

  const share = (side: Side) =>
    shareListeners({
      name: side,
      listeners: options.listeners[side],
      backlog: config[side].sockets.backlog,
      workers: threads.length,
      calls,
      logger,
      onListeners: (worker, list) => threads[worker]?.post({ kind: 'listeners', side, list }),
    });
  const shared = { inbound: share('inbound'), outbound: share('outbound') };
  const stopSharing = (): void => {
    shared.inbound.close();
    shared.outbound.close();
  };
  const accepting = Promise.all([shared.inbound.bound, shared.outbound.bound, ...threads.map(({ listening }) => listening)]);
  const listening = Promise.race([accepting, failure]).then(() => undefined);
  listening.catch(() => undefined);

  const drain = async (): Promise<void> => {
    stopSharing();
    for (const thread of threads) thread.post({ kind: 'drain' });
    const limit = setTimeout(destroy, config.shutdownGraceMs + SLACK_MS);
    await Promise.all(threads.map(({ drained }) => drained));
    clearTimeout(limit);
  };
  const destroy = (): void => {
    stopSharing();
    for (const thread of threads) thread.terminate();
  };
  let closing: Promise<void> | undefined;

  return {
    listening,
    get addresses() {
      return { inbound: shared.inbound.addresses, outbound: shared.outbound.addresses };
    },
    async count(retainIdleMs) {
      const counted = await Promise.all(threads.map((thread) => thread.count(retainIdleMs, COUNT_MS)));
      for (const [worker, { late }] of counted.entries())
        if (late) logger.log('warn', 'a worker thread does not say what it counts; the last values are shown', { worker });
      return counted.map(({ metrics }) => metrics);
    },
    balancers: (target, question) =>
      Promise.all(threads.map(async (thread, worker) => ({ worker, pools: await thread.balancers(target, question, EXPLAIN_MS) }))),
    setLogLevel(level) {
      for (const thread of threads) thread.post({ kind: 'log-level', level });
    },
    close: () => (closing ??= drain()),
    destroy,
  };
}

/** Without what cannot cross the border. */
function plainIdentity({ name, serverName, anchors }: IdentityPort): Pick<IdentityPort, 'name' | 'serverName' | 'anchors'> {
  return { name, serverName, anchors };
}

function watchOf({ ports: { identity, discovery, policy }, tap }: Pick<WorkerPoolOptions, 'ports' | 'tap'>, topic: Topic): Watch<unknown> {
  switch (topic.kind) {
    case 'credentials':
      return identity.credentials;
    case 'endpoints':
      return discovery.endpoints(topic.path);
    case 'profile':
      return discovery.profile(topic.target);
    case 'outbound':
      return policy.outbound(topic.target);
    case 'inbound':
      return policy.inbound(topic.port);
    case 'taps':
      return tap?.requests ?? constantWatch([]);
    default:
      return assertNever(topic);
  }
}
