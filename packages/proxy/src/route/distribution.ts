// Which backend of a rule takes the next request. spec/proxy.md §6.4.
import { assertNever, type Backend, type Distribution, type Random, ReasonError, type RouteBackend, reason } from '@weft/core';
import { compileFilters, type HeadEdits } from './filters.ts';

/** A backend as distributions see it. */
export interface Available {
  /** False while the backend would fail everything at once. */
  readonly available: boolean;
}

export interface Choice<B> {
  readonly backend: B;
  readonly edits: HeadEdits;
}

/** Called once per request. Undefined: the rule has no backend. When none is available the preferred one is returned, to say why. */
export type Distribute<B> = () => Choice<B> | undefined;

/** Throws POLICY_INVALID. */
export function compileDistribution<B extends Available>(distribution: Distribution, source: (backend: Backend) => B, random: Random): Distribute<B> {
  const compile = (one: RouteBackend): Choice<B> => ({ backend: source(one.backend), edits: compileFilters(one.filters) });
  switch (distribution.kind) {
    case 'empty':
      return () => undefined;
    case 'first-available':
      return firstAvailable(distribution.backends.map(compile));
    case 'random-available': {
      if (distribution.backends.length > 0 && distribution.backends.every((one) => one.weight === 0)) {
        throw new ReasonError(reason('POLICY_INVALID', 'every backend has weight 0'));
      }
      const choices = distribution.backends.map(compile);
      if (choices.length < 2) return firstAvailable(choices);
      const weights = distribution.backends.map((one) => one.weight);
      return () => draw(choices, weights, random);
    }
    default:
      return assertNever(distribution);
  }
}

function firstAvailable<B extends Available>(choices: readonly Choice<B>[]): Distribute<B> {
  return () => choices.find((choice) => choice.backend.available) ?? choices[0];
}

function draw<B extends Available>(choices: readonly Choice<B>[], weights: readonly number[], random: Random): Choice<B> | undefined {
  let total = 0;
  let some: Choice<B> | undefined;
  for (const [index, choice] of choices.entries()) {
    if (choice.backend.available) total += weights[index] ?? 0;
    if ((weights[index] ?? 0) > 0) some ??= choice;
  }
  if (total === 0) return some;
  let at = random.next() * total;
  for (const [index, choice] of choices.entries()) {
    if (!choice.backend.available) continue;
    at -= weights[index] ?? 0;
    if (at < 0) return choice;
  }
  return some;
}
