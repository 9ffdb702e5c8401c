// One leader among several processes, by a Lease; as client-go does it, so that ours and others can stand for the same one.
// spec/control-plane.md §1.9: 30 s duration, 10 s renew deadline, 2 s retry, released on shutdown.
import {
  assertNever,
  type Clock,
  type Logger,
  type MetricRegistry,
  type Millis,
  type Random,
  silentLogger,
  sleep,
  systemClock,
  systemRandom,
} from '@weft/core';
import type { KubeClient } from '../client/kube-client.ts';
import { KubeError } from '../client/kube-error.ts';
import { type Lease, leaseKind } from '../resources/lease.ts';
import type { ObjectMeta, ObjectRef } from '../resources/meta.ts';
import { heldSpec, isHeldByOther, type ObservedLease, observe, releasedSpec } from './lease-record.ts';

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  /** Created where it is not there. */
  readonly lease: ObjectRef;
  /** Of this candidate, unique among all: usually the pod's name. */
  readonly identity: string;
  /** Called while leading. Its signal is aborted when leadership is lost or given up; what it does must stop then. */
  readonly lead: (signal: AbortSignal) => void;
  /** Labels, annotations and owners of a Lease that is created. */
  readonly metadata?: Pick<Partial<ObjectMeta>, 'labels' | 'annotations' | 'ownerReferences'>;
  /** How long others wait for a leader that is not heard of, in milliseconds, whole seconds. Default 30000. */
  readonly leaseDurationMs?: Millis;
  /** A leader that could not renew for this long stops leading, in milliseconds. Less than the duration. Default 10000. */
  readonly renewDeadlineMs?: Millis;
  /** Between attempts, in milliseconds; candidates wait up to 1.2 times longer, spread. Default 2000. */
  readonly retryPeriodMs?: Millis;
  readonly fieldManager?: string;
  readonly registry?: MetricRegistry;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface LeaderElection {
  readonly isLeader: boolean;
  /** Who holds the Lease as last seen; undefined when nobody does or nothing was seen. */
  readonly holder: string | undefined;
  /** Stops leading, and gives the Lease back if it is held. Idempotent; never rejects. */
  close(): Promise<void>;
}

const JITTER = 1.2;

/** Stands for election until closed: one that loses stands again. Throws RangeError on times that cannot work. */
export function leaderElection(options: LeaderElectionOptions): LeaderElection {
  const { client, lease: ref, identity, leaseDurationMs = 30_000, renewDeadlineMs = 10_000, retryPeriodMs = 2000, fieldManager = 'weft' } = options;
  const { clock = systemClock(), random = systemRandom, registry } = options;
  const logger = (options.logger ?? silentLogger).child({ lease: `${ref.namespace ?? ''}/${ref.name}`, identity });
  if (!(leaseDurationMs >= 1000 && renewDeadlineMs < leaseDurationMs && retryPeriodMs * JITTER < renewDeadlineMs && retryPeriodMs > 0)) {
    throw new RangeError(
      `leader election: lease ${leaseDurationMs} ms, renew deadline ${renewDeadlineMs} ms, retry ${retryPeriodMs} ms: each must be well below the one before`,
    );
  }
  const leads = registry?.gauge('weft_kube_leader', 'Whether this process leads by this Lease').with({ lease: ref.name });
  leads?.set(0);
  const stopped = new AbortController();
  let observed: ObservedLease | undefined;
  let term: AbortController | undefined;

  /** One attempt to take or keep the Lease. Rejects with KubeError. */
  const attempt = async (signal: AbortSignal): Promise<'held' | 'other'> => {
    const call = { signal, retries: 0, fieldManager };
    // A leader knows what it wrote last; another's write is found by the conflict.
    const known = term === undefined ? undefined : observed?.lease;
    const found = known ?? (await client.get(leaseKind, ref, call));
    if (!found) {
      const spec = heldSpec({}, identity, leaseDurationMs, clock.wall());
      observed = observe(await client.create(leaseKind, { metadata: { ...options.metadata, ...ref }, spec }, call), observed, clock.now());
      return 'held';
    }
    observed = observe(found, observed, clock.now());
    if (isHeldByOther(observed, identity, clock.now())) return 'other';
    const spec = heldSpec(found.spec ?? {}, identity, leaseDurationMs, clock.wall());
    observed = observe(await client.update(leaseKind, { ...found, spec }, call), observed, clock.now());
    return 'held';
  };

  const tryOnce = async (signal: AbortSignal): Promise<'held' | 'other' | 'failed'> => {
    try {
      return await attempt(signal);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      // Somebody was faster, or the Lease is gone: what was known of it is not to be written again.
      if (term !== undefined && (error.code === 'CONFLICT' || error.code === 'NOT_FOUND' || error.code === 'ALREADY_EXISTS')) {
        const lease = await client.get(leaseKind, ref, { signal, retries: 0 }).catch(() => undefined);
        observed = lease && observe(lease, observed, clock.now());
        if (lease && isHeldByOther({ lease, seenAt: clock.now() }, identity, clock.now())) return 'other';
      }
      if (!signal.aborted) logger.log('debug', 'could not take or keep the lease', { code: error.code, error: error.message });
      return 'failed';
    }
  };

  /** Leads until the Lease is lost, cannot be renewed in time, or the election is closed. */
  const leadOneTerm = async (wonAt: Millis): Promise<void> => {
    const own = new AbortController();
    term = own;
    leads?.set(1);
    logger.log('info', 'leading');
    const end = (why: string): void => {
      if (own.signal.aborted) return;
      own.abort(new Error(why));
      leads?.set(0);
      logger.log(stopped.signal.aborted ? 'info' : 'warn', 'not leading any more', { why });
    };
    const onStop = (): void => end('the election is closed');
    stopped.signal.addEventListener('abort', onStop, { once: true });
    // The deadline counts from when the last good attempt was begun, whatever a later one is waiting for.
    let deadline = clock.after(wonAt + renewDeadlineMs - clock.now(), () => end('it could not be renewed in time'));
    callSafely(() => options.lead(own.signal), logger);
    while (!own.signal.aborted) {
      await sleep(clock, retryPeriodMs, own.signal).catch(() => undefined);
      if (own.signal.aborted) break;
      const begunAt = clock.now();
      const outcome = await tryOnce(own.signal);
      if (outcome === 'other') end('another one holds the lease');
      else if (outcome === 'held') {
        deadline.cancel();
        deadline = clock.after(begunAt + renewDeadlineMs - clock.now(), () => end('it could not be renewed in time'));
      }
    }
    deadline.cancel();
    stopped.signal.removeEventListener('abort', onStop);
    term = undefined;
  };

  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const begunAt = clock.now();
      const outcome = await tryOnce(stopped.signal);
      if (outcome === 'held' && !stopped.signal.aborted) await leadOneTerm(begunAt);
      else if (outcome === 'held' || outcome === 'other' || outcome === 'failed') {
        await sleep(clock, retryPeriodMs * (1 + random.next() * JITTER), stopped.signal).catch(() => undefined);
      } else assertNever(outcome);
    }
  };
  const running = run().catch((error: unknown) => logger.log('error', 'the election stopped', { error: String(error) }));

  const release = async (): Promise<void> => {
    const lease: Lease | undefined = observed?.lease;
    if (lease?.spec?.holderIdentity !== identity) return;
    try {
      await client.update(leaseKind, { ...lease, spec: releasedSpec(lease.spec, clock.wall()) }, { retries: 0, fieldManager });
    } catch (error) {
      // Others wait until it runs out, then.
      logger.log('warn', 'could not release the lease', { error: error instanceof Error ? error.message : String(error) });
    }
    observed = undefined;
  };
  let closing: Promise<void> | undefined;
  return {
    get isLeader() {
      return term !== undefined && !term.signal.aborted;
    },
    get holder() {
      return observed?.lease.spec?.holderIdentity || undefined;
    },
    close() {
      closing ??= (async () => {
        stopped.abort(new Error('the election is closed'));
        await running;
        await release();
      })();
      return closing;
    },
  };
}

function callSafely(fn: () => void, logger: Logger): void {
  try {
    fn();
  } catch (error) {
    logger.log('error', 'the leader threw', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
