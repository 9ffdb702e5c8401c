// Which route of a ServiceProfile takes a request. spec/proxy.md §7.7.
import { isValidBudget } from '../retry/retry-tokens.ts';
import { patternCompiler } from '../route/pattern.ts';
import { compileCondition, formatCondition, type ProfileRouting } from '../route/profile-routes.ts';
import { RequestView } from '../route/request-view.ts';
import { explainDistribution } from './explain-distribution.ts';
import { type HttpContext, verdictOfBackends } from './explain-http.ts';
import type { CandidateExplanation, OutboundDecision } from './explanation.ts';

export function explainProfile(profile: ProfileRouting, context: HttpContext): OutboundDecision {
  const { request } = context;
  const compile = patternCompiler();
  let winner: ProfileRouting['routes'][number] | undefined;
  let decided = false;
  const candidates = profile.routes.map((route, rule): CandidateExplanation => {
    const wanted = formatCondition(route.condition);
    const common = { route: labelsOf(route.labels), rule, match: 0, wants: [wanted] };
    const holds = compileCondition(route.condition, compile);
    if (!holds?.(new RequestView(request))) {
      const mismatch = {
        predicate: 'condition',
        wanted: holds ? wanted : `${wanted} (left out: it cannot be read)`,
        found: `${request.method} ${request.path}`,
      } as const;
      return { ...common, outcome: 'rejected', mismatch };
    }
    if (decided) return { ...common, outcome: 'loses' };
    [winner, decided] = [route, true];
    return { ...common, outcome: 'wins' };
  });
  const implicit: CandidateExplanation = { route: 'implicit', rule: candidates.length, match: 0, wants: [], outcome: decided ? 'loses' : 'wins' };
  const all = [...candidates, implicit];
  const [first, second] = all.flatMap(({ outcome }, index) => (outcome === 'rejected' ? [] : [index]));
  const budget = winner?.isRetryable && profile.retryBudget && isValidBudget(profile.retryBudget) ? profile.retryBudget : undefined;
  return {
    candidates: all,
    precedence: first === undefined || second === undefined ? undefined : { over: second, criterion: 'order', winner: first, other: second },
    filters: [],
    ...explainDistribution(profile.distribution, () => []),
    verdict: verdictOfBackends(profile, profile.parent, context, () => undefined),
    timeouts: { requestMs: winner?.timeoutMs },
    retry: budget ? `failures, within ${budget.retryRatio} of the requests and ${budget.minRetriesPerSecond} per second` : undefined,
  };
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ') || 'without labels'
  );
}
