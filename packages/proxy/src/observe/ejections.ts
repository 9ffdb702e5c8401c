// What circuit breakers do to endpoints: a log record and ours by reason code. spec/proxy.md §6.5.
import { type BreakerState, formatReason, type Labels, type Logger, type MetricRegistry, type Reason } from '@weft/core';

/** Watches the breaker of one endpoint. */
export interface EjectionObserver {
  state(state: BreakerState, why: Reason | undefined): void;
  /** The endpoint is gone. */
  close(): void;
}

export interface Ejections {
  /** `pool`: parent_* and backend_*. */
  watch(address: string, pool: Labels): EjectionObserver;
}

export function ejections(registry: MetricRegistry, logger: Logger): Ejections {
  const ejected = registry.counter('weft_balancer_ejections_total', 'Endpoints that were ejected by their circuit breakers, by reason code.', {
    evictable: true,
  });
  const away = registry.gauge('weft_balancer_ejected_endpoints', 'Endpoints that are ejected now, those on probation included.', { evictable: true });
  return {
    watch(address, pool) {
      const current = away.with(pool);
      let isAway = false;
      const setAway = (now: boolean): void => {
        if (now !== isAway) current.inc(now ? 1 : -1);
        isAway = now;
      };
      return {
        state(state, why) {
          setAway(state !== 'open');
          if (state === 'shut' && why) {
            ejected.with({ ...pool, reason: why.code }).inc();
            logger.log('warn', 'endpoint ejected', { reason: why.code, why: formatReason(why), endpoint: address });
          } else if (state === 'open') logger.log('info', 'ejected endpoint recovered', { endpoint: address });
          else if (logger.enabled('debug')) logger.log('debug', 'ejected endpoint is probed', { endpoint: address });
        },
        close: () => setAway(false),
      };
    },
  };
}
