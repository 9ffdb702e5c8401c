// Which backend of a rule takes the next request. spec/proxy.md §6.4.
import { assertNever, type Backend, type Distribution, type Filter, type Random, type RouteBackend } from '@weft/core';
import { checkWeights } from '@weft/core/route';

/** A backend as distributions see it. */
export interface Available {
  /** False while the backend would fail everything at once. */
  readonly available: boolean;
}

/** A backend, and its filters compiled. */
export interface Choice<B, F> {
  readonly backend: B;
  readonly filters: F;
}

export interface Distribute<B, F> {
  /** Called once per request. Undefined: the rule has no backend. When none is available the preferred one is returned, to say why. */
  (): Choice<B, F> | undefined;
  /** All of them, in the order of the policy. */
  readonly choices: readonly Choice<B, F>[];
}

export interface DistributionOptions<B, F> {
  readonly backend: (backend: Backend) => B;
  /** May throw POLICY_INVALID. */
  readonly filters: (filters: readonly Filter[]) => F;
  readonly random: Random;
}

/** Throws POLICY_INVALID. */
export function compileDistribution<B extends Available, F>(distribution: Distribution, options: DistributionOptions<B, F>): Distribute<B, F> {
  const { random } = options;
  const compile = (one: RouteBackend): Choice<B, F> => ({ backend: options.backend(one.backend), filters: options.filters(one.filters) });
  switch (distribution.kind) {
    case 'empty':
      return distribute([], () => undefined);
    case 'first-available':
      return firstAvailable(distribution.backends.map(compile));
    case 'random-available': {
      checkWeights(distribution);
      const choices = distribution.backends.map(compile);
      if (choices.length < 2) return firstAvailable(choices);
      const weights = distribution.backends.map((one) => one.weight);
      return distribute(choices, () => draw(choices, weights, random));
    }
    default:
      return assertNever(distribution);
  }
}

function firstAvailable<B extends Available, F>(choices: readonly Choice<B, F>[]): Distribute<B, F> {
  return distribute(choices, () => choices.find((choice) => choice.backend.available) ?? choices[0]);
}

export function distribute<B, F>(choices: readonly Choice<B, F>[], choose: () => Choice<B, F> | undefined): Distribute<B, F> {
  return Object.assign(choose, { choices });
}

function draw<B extends Available, F>(choices: readonly Choice<B, F>[], weights: readonly number[], random: Random): Choice<B, F> | undefined {
  let total = 0;
  let some: Choice<B, F> | undefined;
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
