// Which backends a rule has, and how much each gets. spec/proxy.md §6.4, §7.8.
import { formatSocketAddress } from '../address/socket-address.ts';
import { assertNever } from '../assert-never.ts';
import type { Backend, Distribution } from '../domain/client-policy.ts';
import type { Filter } from '../domain/match.ts';
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import { reason } from '../reasons/reason.ts';
import { refused } from './explain-filters.ts';
import type { BackendExplanation, FilterExplanation, OutboundDecision, Verdict } from './explanation.ts';

export function explainDistribution(
  distribution: Distribution,
  effects: (filters: readonly Filter[]) => readonly FilterExplanation[],
): Pick<OutboundDecision, 'distribution' | 'backends'> {
  switch (distribution.kind) {
    case 'empty':
      return { distribution: 'empty', backends: [] };
    case 'first-available': {
      const backends = distribution.backends.map(({ backend, filters }, i) => ({
        ...explainBackend(backend),
        share: i === 0 ? 1 : 0,
        filters: effects(filters),
      }));
      return { distribution: 'first-available', backends };
    }
    case 'random-available': {
      const total = distribution.backends.reduce((sum, { weight }) => sum + weight, 0);
      const backends = distribution.backends.map(({ backend, filters, weight }) => ({
        ...explainBackend(backend),
        weight,
        share: total === 0 ? 0 : weight / total,
        filters: effects(filters),
      }));
      return { distribution: 'random-available', backends };
    }
    default:
      return assertNever(distribution);
  }
}

/** What is certain before a backend is chosen. `verdictOf`: of the filters of the only backend. */
export function verdictOfDistribution(route: Metadata, distribution: Distribution, verdictOf: (filters: readonly Filter[]) => Verdict | undefined): Verdict {
  const backends = distribution.kind === 'empty' ? [] : distribution.backends;
  const [only, ...others] = backends;
  if (!only) return refused(reason('LOAD_SHED', `route ${formatMetadata(route)} has no backend`));
  if (distribution.kind === 'random-available' && distribution.backends.every(({ weight }) => weight === 0)) {
    return refused(reason('POLICY_INVALID', 'every backend has weight 0'));
  }
  if (others.length > 0) return { kind: 'forwarded' };
  const { dispatcher } = only.backend;
  return verdictOf(only.filters) ?? (dispatcher.kind === 'fail' ? refused(reason('BACKEND_INVALID', dispatcher.message)) : { kind: 'forwarded' });
}

function explainBackend({ metadata, dispatcher }: Backend): Pick<BackendExplanation, 'backend' | 'kind' | 'target'> {
  const backend = formatMetadata(metadata);
  switch (dispatcher.kind) {
    case 'balancer':
      return { backend, kind: 'balancer', target: dispatcher.path };
    case 'forward':
      return { backend, kind: 'forward', target: formatSocketAddress(dispatcher.endpoint.address) };
    case 'fail':
      return { backend, kind: 'fail', target: dispatcher.message };
    default:
      return assertNever(dispatcher);
  }
}
