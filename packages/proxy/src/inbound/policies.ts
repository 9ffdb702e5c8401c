// Compiled policies by port: watched while in use, some for ever. spec/proxy.md §5.4.
import { type Clock, createWatch, type PolicyPort, type ServerPolicy, type Unsubscribe, type Watch, type WatchSource } from '@weft/core';
import { compileInbound, type InboundPlan, type InboundPlanOptions } from '../route/inbound-plan.ts';

export interface InboundPolicies {
  /** Never pending once subscribed. */
  watch(port: number): Watch<InboundPlan>;
  close(): void;
}

export interface InboundPoliciesOptions extends InboundPlanOptions {
  readonly policy: PolicyPort;
  /** Watched from the start and until `close`. */
  readonly ports: readonly number[];
  readonly idleMs: number;
  readonly clock: Clock;
}

/** Ports known at once: beyond it those that are only kept for their idle time make room, the least recently used first. A port scan must not leave a stream each. */
const MAX_PORTS = 1_024;

/** In force when the source gives nothing usable: nobody is admitted. */
const NOBODY: ServerPolicy = {
  metadata: { kind: 'default', name: 'invalid' },
  protocol: { kind: 'detect', timeoutMs: 10_000, routes: [], authorizations: [] },
};

export function inboundPolicies(options: InboundPoliciesOptions): InboundPolicies {
  const sources = new Map<number, WatchSource<InboundPlan>>();

  const makeRoom = (): void => {
    for (const source of sources.values()) if (source.evict()) return;
  };

  const watch = (port: number): Watch<InboundPlan> => {
    const known = sources.get(port);
    if (known) {
      // The order of the map is that of the last use.
      sources.delete(port);
      sources.set(port, known);
      return known.watch;
    }
    if (sources.size >= MAX_PORTS) makeRoom();
    const source = createWatch<InboundPlan>({
      idleMs: options.idleMs,
      clock: options.clock,
      start: (out) => {
        const stop = options.policy.inbound(port).subscribe((state) => {
          if (state.kind !== 'pending') out.set(compileInbound(state.kind === 'value' ? state.value : NOBODY, port, options));
        });
        return () => {
          if (sources.get(port) === source) sources.delete(port);
          stop();
        };
      },
    });
    sources.set(port, source);
    return source.watch;
  };

  const permanent: Unsubscribe[] = options.ports.map((port) => watch(port).subscribe(() => undefined));
  return {
    watch,
    close() {
      for (const release of permanent.splice(0)) release();
    },
  };
}
