// Keys to be worked on, one at a time and each once however often it is added; failures come again later. spec/control-plane.md §1.9, §5 (workqueue_*).
import { type Clock, type Logger, type MetricRegistry, systemClock } from '@weft/core';

export interface WorkQueueOptions {
  /** Label of the metrics. */
  readonly name: string;
  /** A rejection means: again later. */
  readonly work: (key: string) => Promise<void>;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Failures in a row after which a key is dropped. Default 15. */
  readonly maxRetries?: number;
}

export interface WorkQueue {
  add(key: string): void;
  /** Drops what waits; what is worked on is finished. */
  close(): void;
}

/** First and longest wait of a key, in milliseconds; it doubles with each failure. */
const RETRY_MS = { first: 5, longest: 60_000 };
const BUCKETS_S = Array.from({ length: 10 }, (_, index) => 10 ** (index - 8));

export function workQueue(options: WorkQueueOptions): WorkQueue {
  const { name, work, registry, logger, clock = systemClock(), maxRetries = 15 } = options;
  const labels = { name };
  const depth = registry.gauge('workqueue_depth', 'Current depth of workqueue').with(labels);
  const adds = registry.counter('workqueue_adds_total', 'Total number of adds handled by workqueue').with(labels);
  const waited = registry
    .histogram('workqueue_queue_duration_seconds', 'How long in seconds an item stays in workqueue before being requested', BUCKETS_S)
    .with(labels);
  const worked = registry.histogram('workqueue_work_duration_seconds', 'How long in seconds processing an item from workqueue takes', BUCKETS_S).with(labels);
  const retries = registry.counter('workqueue_retries_total', 'Total number of retries handled by workqueue').with(labels);
  const drops = registry.counter('workqueue_drops_total', 'Total number of items dropped after too many retries').with(labels);
  const unfinished = registry
    .gauge('workqueue_unfinished_work_seconds', 'Seconds of work that is in progress and not yet observed by work_duration')
    .with(labels);
  const longest = registry.gauge('workqueue_longest_running_processor_seconds', 'Seconds the longest running processor has been running').with(labels);

  const waiting = new Map<string, number>();
  const failures = new Map<string, number>();
  const timers = new Set<{ cancel(): void }>();
  let begunAt: number | undefined;
  let closed = false;
  const forget = registry.beforeRender(() => {
    const seconds = begunAt === undefined ? 0 : (clock.now() - begunAt) / 1000;
    unfinished.set(seconds);
    longest.set(seconds);
  });

  const add = (key: string): void => {
    if (closed) return;
    adds.inc();
    if (!waiting.has(key)) waiting.set(key, clock.now());
    depth.set(waiting.size);
    if (begunAt === undefined) void run();
  };
  const failed = (key: string, error: unknown): void => {
    const count = (failures.get(key) ?? 0) + 1;
    if (count > maxRetries) {
      failures.delete(key);
      drops.inc();
      return logger.log('error', 'given up after too many failures', { key, error });
    }
    failures.set(key, count);
    retries.inc();
    logger.log('warn', 'failed, and comes again', { key, failures: count, error });
    const timer = clock.after(Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** (count - 1)), () => {
      timers.delete(timer);
      add(key);
    });
    timers.add(timer);
  };
  const run = async (): Promise<void> => {
    begunAt = clock.now();
    for (let next = waiting.entries().next(); !next.done; next = waiting.entries().next()) {
      const [key, since] = next.value;
      waiting.delete(key);
      depth.set(waiting.size);
      begunAt = clock.now();
      waited.observe((begunAt - since) / 1000);
      try {
        await work(key);
        failures.delete(key);
      } catch (error) {
        if (!closed) failed(key, error);
      }
      worked.observe((clock.now() - begunAt) / 1000);
    }
    begunAt = undefined;
  };

  return {
    add,
    close() {
      closed = true;
      waiting.clear();
      depth.set(0);
      forget();
      for (const timer of timers) timer.cancel();
    },
  };
}
