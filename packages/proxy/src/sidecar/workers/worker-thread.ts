// One worker thread, as the main thread sees it.
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { assertNever, type RegistrySnapshot } from '@weft/core';
import type { OutboundQuestion } from '@weft/core/explain';
import type { Target } from '../../admin/explain-query.ts';
import type { PoolSnapshot } from '../../outbound/pool-backend.ts';
import type { TapMessage } from '../../tap/tap-port.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { type ServedWatches, type ServeWatchesOptions, serveWatches } from './serve-watches.ts';

export interface WorkerThreadOptions {
  readonly entry: URL;
  readonly start: WorkerStart;
  readonly watch: ServeWatchesOptions['watch'];
  ring(): void;
  /** A connection for another worker. */
  onConnection(message: Extract<FromWorker, { readonly kind: 'connection' }>): void;
  /** What an observer is to hear. */
  onTapped(message: TapMessage): void;
  /** The thread has ended before it was drained, with its error. Called once at most. */
  onFailed(error: Error): void;
}

type Answer = Extract<FromWorker, { readonly kind: 'counted' | 'explained' }> | 'late' | 'ended';

/** Ends with its thread; what waits for an answer then is answered with what was known last. */
export class WorkerThread {
  readonly listening: Promise<void>;
  readonly drained: Promise<void>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #watches: ServedWatches;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  readonly #onListening: () => void;
  readonly #onDrained: () => void;
  #lastAsked = 0;
  #metrics: RegistrySnapshot = [];
  #ended = false;

  constructor(options: WorkerThreadOptions) {
    const { port1, port2 } = new MessageChannel();
    let onListening = (): void => undefined;
    let onDrained = (): void => undefined;
    this.listening = new Promise((resolve) => (onListening = resolve));
    this.drained = new Promise((resolve) => (onDrained = resolve));
    this.#onListening = onListening;
    this.#onDrained = onDrained;
    this.#port = port1;
    this.#watches = serveWatches({ watch: options.watch, post: (message) => this.post(message), ring: options.ring });
    port1.on('message', (message: FromWorker) => this.#receive(message, options));
    this.#worker = new Worker(options.entry, {
      workerData: { ...options.start, port: port2 },
      transferList: [port2],
      trackUnmanagedFds: false,
      name: `weft-proxy-${options.start.index}`,
    });
    let failure: Error | undefined;
    this.#worker.on('error', (error) => (failure = error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', (code) => {
      // The end of a thread may overtake what it said last.
      for (let last = receiveMessageOnPort(port1); last && !this.#ended; last = receiveMessageOnPort(port1)) {
        this.#receive(last.message as FromWorker, options);
      }
      if (this.#ended) return;
      this.#end();
      options.onFailed(failure ?? new Error(`the thread ended with ${code}`));
    });
  }

  post(message: ToWorker): void {
    if (!this.#ended) this.#port.postMessage(message);
  }

  /** Resolves with what the worker counts, or after `limitMs` with what it counted when it was asked last. */
  async count(retainIdleMs: number, limitMs: number): Promise<{ readonly metrics: RegistrySnapshot; readonly late: boolean }> {
    const late = await this.#ask((id) => ({ kind: 'count', id, retainIdleMs }), limitMs);
    return { metrics: this.#metrics, late: late === 'late' };
  }

  /** How its balancers stand, times on the clock of this thread. None where it does not say so within `limitMs`. */
  async balancers(target: Target, question: OutboundQuestion, limitMs: number): Promise<readonly PoolSnapshot[]> {
    const answer = await this.#ask((id) => ({ kind: 'explain', id, target, question }), limitMs);
    if (typeof answer === 'string' || answer.kind !== 'explained') return [];
    const ahead = answer.origin - performance.timeOrigin;
    return answer.pools.map((pool) => ({ ...pool, endpoints: pool.endpoints.map((one) => ({ ...one, since: one.since + ahead })) }));
  }

  #ask(question: (id: number) => ToWorker, limitMs: number): Promise<Answer> {
    if (this.#ended) return Promise.resolve('ended');
    const id = ++this.#lastAsked;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        resolve('late');
      }, limitMs);
      this.#asked.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.post(question(id));
    });
  }

  #answer(message: Extract<FromWorker, { readonly kind: 'counted' | 'explained' }>): void {
    this.#asked.get(message.id)?.(message);
    this.#asked.delete(message.id);
  }

  /** Ends the thread at once. */
  terminate(): void {
    this.#end();
    void this.#worker.terminate();
  }

  #receive(message: FromWorker, options: WorkerThreadOptions): void {
    switch (message.kind) {
      case 'subscribe':
      case 'unsubscribe':
        return this.#watches.receive(message);
      case 'connection':
        return options.onConnection(message);
      case 'tapped':
        return options.onTapped(message.message);
      case 'listening':
        return this.#onListening();
      case 'counted': {
        this.#metrics = message.metrics;
        return this.#answer(message);
      }
      case 'explained':
        return this.#answer(message);
      case 'drained':
        this.#metrics = message.metrics;
        return this.#end();
      default:
        return assertNever(message);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#watches.close();
    this.#onDrained();
    for (const answer of this.#asked.values()) answer('ended');
    this.#asked.clear();
    this.#port.close();
  }
}
