// The main of a worker thread: a proxy without admin listener, whose ports reach over to the main thread. docs/architecture.md, "Several cores".
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import {
  assertNever,
  type ClientPolicy,
  type Credentials,
  createRegistry,
  createWatch,
  type EndpointSet,
  type MetricRegistry,
  type Profile,
  type ServerPolicy,
  systemClock,
  systemRandom,
} from '@weft/core';
import type { ProcessLogger } from '@weft/process';
import type { Listener } from '../../config.ts';
import { createProxy, type Proxy } from '../../proxy.ts';
import type { TapRequest } from '../../tap/tap-port.ts';
import { accessLog } from '../access-log.ts';
import { processLogger } from '../process-logger.ts';
import { proxySettings } from '../settings.ts';
import { socketCalls } from '../socket-calls.ts';
import { socketPorts } from '../socket-ports.ts';
import { balancedListeners } from './balanced-listener.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { type RemoteWatches, remoteWatches } from './remote-watches.ts';
import { SharedBuckets, threadNanos } from './shared-buckets.ts';
import { SharedBudgets } from './shared-budgets.ts';
import { SharedCells } from './shared-cells.ts';

/** What a program's worker entry calls. Ends with the thread. */
export function proxyWorkerMain(): void {
  const { port, ...start } = workerData as WorkerStart & { readonly port: MessagePort };
  runWorker(start, port, processLogger(start.config.log));
}

/** How long a worker stands still for an answer: the main thread has nothing to do that takes long. */
const ANSWER_MS = 5_000;
/** How long it waits for discovery when it is asked about its balancers. */
const EXPLAIN_MS = 1_000;

function runWorker({ index, config, identity, shared, buckets, budgets }: WorkerStart, port: MessagePort, log: ProcessLogger): void {
  const logger = log.child({ worker: index });
  const clock = systemClock();
  const nanos = threadNanos();
  const cells = new SharedCells(shared);
  const post = (message: FromWorker): void => port.postMessage(message);
  const calls = socketCalls();
  if ('unavailable' in calls) throw new Error(calls.unavailable);

  const metrics = createRegistry({ clock });
  const carried = metrics.counter('weft_worker_connections_total', 'Connections carried, by worker thread').with({ worker: index });
  const sources = { inbound: createWatch<readonly Listener[]>(), outbound: createWatch<readonly Listener[]>() };
  const listeners = balancedListeners({ worker: index, cells, calls, post, onConnection: () => carried.inc() });
  const watches: RemoteWatches = remoteWatches({ post, wait: (done) => standStill(port, cells, index, receive, done) });
  const { originalDst, dial, setTcpOptions, book } = socketPorts(config, clock, logger);
  const settings = proxySettings(config, undefined);

  const proxy = createProxy(
    {
      identity: { ...identity, credentials: watches.watch<Credentials>({ kind: 'credentials' }) },
      discovery: {
        endpoints: (path) => watches.watch<EndpointSet>({ kind: 'endpoints', path }),
        profile: (target) => watches.watch<Profile>({ kind: 'profile', target }),
      },
      policy: {
        outbound: (target) => watches.watch<ClientPolicy>({ kind: 'outbound', target }),
        inbound: (number) => watches.known<ServerPolicy>({ kind: 'inbound', port: number }),
      },
      originalDst,
      dial,
      setTcpOptions,
      listen: listeners.open,
      inFlight: { inbound: cells.limit('inbound', config.inbound.maxInFlight), outbound: cells.limit('outbound', config.outbound.maxInFlight) },
      rateLimits: new SharedBuckets(buckets, nanos),
      retryBudgets: new SharedBudgets(budgets, () => nanos() / 1e6),
      ...(config.tap && { tap: { requests: watches.watch<readonly TapRequest[]>({ kind: 'taps' }), tell: (message) => post({ kind: 'tapped', message }) } }),
      ...accessLog(config),
      metrics,
      clock,
      random: systemRandom,
      logger,
    },
    {
      ...settings,
      outbound: { ...settings.outbound, listeners: sources.outbound.watch },
      inbound: { ...settings.inbound, listeners: sources.inbound.watch },
      admin: {},
    },
  );
  // A listener that cannot be opened must not be missed in silence: it ends the thread, and with it the process.
  void proxy.listening.then(() => post({ kind: 'listening' }));

  function receive(message: ToWorker): void {
    switch (message.kind) {
      case 'state':
        return watches.receive(message);
      case 'listeners':
        for (const one of message.list) listeners.expect(one);
        return sources[message.side].set(message.list.map(({ listener }) => listener));
      case 'connection':
        return listeners.adopt(message.listener, message.fd);
      case 'count':
        metrics.evictIdle(message.retainIdleMs);
        return post({ kind: 'counted', id: message.id, metrics: metrics.snapshot() });
      case 'explain':
        return void explain(proxy, message, post);
      case 'log-level':
        return log.setLevel(message.level);
      case 'drain':
        cells.retire(index);
        logger.log('debug', 'a worker thread stops accepting');
        return void drain(proxy, metrics, post).then(() => {
          book?.close();
          port.close();
        });
      default:
        return assertNever(message);
    }
  }
  port.on('message', receive);
}

/** Where discovery does not end in time, nothing is known. */
async function explain(proxy: Proxy, { id, target, question }: Extract<ToWorker, { kind: 'explain' }>, post: (message: FromWorker) => void): Promise<void> {
  const pools = await proxy.balancers(target, question, AbortSignal.timeout(EXPLAIN_MS)).catch(() => []);
  post({ kind: 'explained', id, pools, origin: performance.timeOrigin });
}

async function drain(proxy: Proxy, metrics: MetricRegistry, post: (message: FromWorker) => void): Promise<void> {
  await proxy.close();
  post({ kind: 'drained', metrics: metrics.snapshot() });
}

/** Receives in order what comes, so that nothing overtakes the answer. */
function standStill(port: MessagePort, cells: SharedCells, worker: number, receive: (message: ToWorker) => void, done: () => boolean): void {
  const end = performance.now() + ANSWER_MS;
  for (;;) {
    const heard = cells.rings(worker);
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) receive(next.message as ToWorker);
    if (done()) return;
    const left = end - performance.now();
    if (left <= 0) throw new Error(`the main thread has not answered for ${ANSWER_MS} ms`);
    cells.waitForRing(worker, heard, left);
  }
}
