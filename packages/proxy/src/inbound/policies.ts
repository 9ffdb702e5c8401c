// Compiled policies by port: watched while in use, some for ever. spec/proxy.md §5.4.
import { type Clock, createWatch, type PolicyPort, type ServerPolicy, type Unsubscribe, type Watch } from '@weft/core';
import { compileInbound, type InboundPlan } from '../route/inbound-plan.ts';

export interface InboundPolicies {
  /** Never pending once subscribed. */
  watch(port: number): Watch<InboundPlan>;
  close(): void;
}

export interface InboundPoliciesOptions {
  readonly policy: PolicyPort;
  /** Watched from the start and until `close`. */
  readonly ports: readonly number[];
  readonly idleMs: number;
  readonly clock: Clock;
}

/** In force when the source gives nothing usable: nobody is admitted. */
const NOBODY: ServerPolicy = {
  metadata: { kind: 'default', name: 'invalid' },
  protocol: { kind: 'detect', timeoutMs: 10_000, routes: [], authorizations: [] },
};

export function inboundPolicies(options: InboundPoliciesOptions): InboundPolicies {
  const watches = new Map<number, Watch<InboundPlan>>();

  const watch = (port: number): Watch<InboundPlan> => {
    const known = watches.get(port);
    if (known) return known;
    const source = createWatch<InboundPlan>({
      idleMs: options.idleMs,
      clock: options.clock,
      start: (out) => {
        const stop = options.policy.inbound(port).subscribe((state) => {
          if (state.kind !== 'pending') out.set(compileInbound(state.kind === 'value' ? state.value : NOBODY, port));
        });
        return () => {
          watches.delete(port);
          stop();
        };
      },
    });
    watches.set(port, source.watch);
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
