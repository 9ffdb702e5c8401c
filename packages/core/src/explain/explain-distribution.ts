// Which backends a rule has, and how much each gets. spec/proxy.md §6.4, §7.8.
import { formatSocketAddress } from '../address/socket-address.ts';
import { assertNever } from '../assert-never.ts';
import type { Backend, Distribution } from '../domain/client-policy.ts';
import type { Filter } from '../domain/match.ts';
import { formatMetadata } from '../domain/metadata.ts';
import type { BackendExplanation, FilterExplanation, OutboundDecision } from './explanation.ts';

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
      const alone = distribution.backends.length === 1;
      const total = distribution.backends.reduce((sum, { weight }) => sum + weight, 0);
      const backends = distribution.backends.map(({ backend, filters, weight }) => ({
        ...explainBackend(backend),
        weight,
        share: alone ? 1 : total === 0 ? 0 : weight / total,
        filters: effects(filters),
      }));
      return { distribution: 'random-available', backends };
    }
    default:
      return assertNever(distribution);
  }
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
