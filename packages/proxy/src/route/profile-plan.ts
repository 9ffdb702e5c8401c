// The routes of a ServiceProfile compiled: they differ in classes, retries and timeouts, and share one distribution. spec/proxy.md §7.7.
import { DEFAULT_CLASSIFIERS, formatMetadata, type ProfileRoute, profileClassifiers } from '@weft/core';
import { ANYTHING, type ProfileRouting, profileRoutes, selectWithin } from '@weft/core/route';
import { profileRouteLabels } from '../observe/labels.ts';
import type { BindProfileMeters } from '../observe/profile-metrics.ts';
import { type Available, compileDistribution } from './distribution.ts';
import { compileFilters } from './filters.ts';
import type { HttpPlan, ProfileRule, Selected, Source } from './http-plan.ts';

/** A request that no route takes has the implicit one: no retries, no timeout. */
export function compileProfile<H extends Available>(profile: ProfileRouting, { backend, random }: Source<H>, meters: BindProfileMeters): HttpPlan<H> {
  const { parent, retryBudget, authority } = profile;
  const common = {
    parent,
    route: parent,
    grpc: false,
    filters: compileFilters(formatMetadata(parent), [], random),
    distribute: compileDistribution(profile.distribution, { backend, filters: (filters) => compileFilters(formatMetadata(parent), filters, random), random }),
    allowL5dHeaders: false,
  };
  const ruleOf = (labels: ProfileRule['labels'], responseClasses: ProfileRule['responseClasses']): ProfileRule => ({
    labels,
    responseClasses,
    meters: meters(authority, labels),
  });
  const rule = (route: ProfileRoute): Selected<H> => ({
    match: ANYTHING,
    rule: {
      ...common,
      timeouts: { requestMs: route.timeoutMs },
      retry: route.isRetryable && retryBudget ? { kind: 'budget', budget: retryBudget } : undefined,
      classifiers: profileClassifiers(route.responseClasses),
      profile: ruleOf(profileRouteLabels(route.labels), route.responseClasses),
    },
  });
  const select = profileRoutes(profile.routes.map((route) => ({ condition: route.condition, rule: rule(route) })));
  const implicit: Selected<H> = {
    match: ANYTHING,
    rule: { ...common, timeouts: {}, retry: undefined, classifiers: DEFAULT_CLASSIFIERS, profile: ruleOf({}, []) },
  };
  return { parent, canonicalDst: authority, select: selectWithin(parent, (request) => select(request) ?? implicit) };
}
