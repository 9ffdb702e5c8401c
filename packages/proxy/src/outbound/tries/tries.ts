// What the rules of a plan say about timeouts and retries, made once per rule; and the deadlines that all requests share. spec/proxy.md §7.5–7.7.
import {
  type Clock,
  Deadlines,
  grpcRetryPolicy,
  httpRetryPolicy,
  type Metadata,
  type MetricRegistry,
  type Random,
  type RetryBudget,
  type RetryBudgets,
  type RetryPolicy,
  type RetryTokens,
  retryTokens,
  type Timeouts,
  takeRetryOptions,
  takeTimeoutOptions,
} from '@weft/core';
import type { RequestHead } from '@weft/http';
import { takeOption } from '../../relay/l5d-headers.ts';
import { isGrpcRequest } from '../../relay/synthesize.ts';
import type { HttpPlan, HttpRulePlan } from '../../route/http-plan.ts';
import { BudgetRetries, PolicyRetries, type Retries } from './retries.ts';
import { type BudgetMeter, type PolicyMeter, type RetryMetrics, retryMetrics } from './retry-metrics.ts';

/** What one request is to be held to. */
export interface RequestTries {
  readonly timeouts: Timeouts;
  readonly retries: Retries | undefined;
}

export interface TriesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: MetricRegistry;
  /** Of ServiceProfiles. Default: in memory. */
  readonly budgets?: RetryBudgets | undefined;
}

type Rule = HttpRulePlan<unknown>;

export class Tries {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly #random: Random;
  readonly #metrics: RetryMetrics;
  readonly #rules = new WeakMap<Rule, RuleTries>();
  /** Those of one profile share its budget, for as long as it is in force. */
  readonly #known = new WeakMap<RetryBudget, { readonly tokens: RetryTokens | undefined }>();
  readonly #budgets: RetryBudgets;

  constructor({ clock, random, metrics, budgets = { tokens: (_name, budget) => retryTokens(budget, clock) } }: TriesOptions) {
    this.#budgets = budgets;
    this.clock = clock;
    this.deadlines = new Deadlines(clock);
    this.#random = random;
    this.#metrics = retryMetrics(metrics);
  }

  /** Undefined where the rule asks for nothing, nor does the request. Takes out of its headers what it asks for. */
  of(plan: Pick<HttpPlan<unknown>, 'parent' | 'canonicalDst'>, rule: Rule, request: RequestHead): RequestTries | undefined {
    const { timeouts, retry, allowL5dHeaders } = rule;
    if (!retry && !allowL5dHeaders && timeouts.requestMs === undefined && timeouts.responseMs === undefined && timeouts.idleMs === undefined) return undefined;
    let known = this.#rules.get(rule);
    if (!known) {
      known = this.#compile(plan, rule);
      this.#rules.set(rule, known);
    }
    return known.of(request);
  }

  #compile({ parent, canonicalDst }: Pick<HttpPlan<unknown>, 'parent' | 'canonicalDst'>, rule: Rule): RuleTries {
    const { retry, profile } = rule;
    const common = { rule, random: this.#random, metrics: this.#metrics, parent };
    if (!retry) return new RuleTries(common);
    if (retry.kind === 'http') return new RuleTries({ ...common, policy: httpRetryPolicy(retry.policy) });
    if (retry.kind === 'grpc') return new RuleTries({ ...common, policy: grpcRetryPolicy(retry.policy) });
    const tokens = this.#tokens(canonicalDst ?? '', retry.budget);
    const budget = tokens && { tokens, meter: this.#metrics.budget(canonicalDst ?? '', profile?.labels ?? {}) };
    return new RuleTries({ ...common, budget });
  }

  #tokens(name: string, budget: RetryBudget): RetryTokens | undefined {
    let known = this.#known.get(budget);
    if (!known) {
      known = { tokens: this.#budgets.tokens(name, budget) };
      this.#known.set(budget, known);
    }
    return known.tokens;
  }
}

interface RuleTriesOptions {
  readonly rule: Rule;
  readonly parent: Metadata;
  readonly random: Random;
  readonly metrics: RetryMetrics;
  readonly policy?: RetryPolicy;
  readonly budget?: { readonly tokens: RetryTokens; readonly meter: BudgetMeter } | undefined;
}

class RuleTries {
  readonly #options: RuleTriesOptions;
  #meter: PolicyMeter | undefined;

  constructor(options: RuleTriesOptions) {
    this.#options = options;
  }

  of(request: RequestHead): RequestTries | undefined {
    const { rule, policy, budget, random } = this.#options;
    if (budget) {
      const classifier = isGrpcRequest(request) ? rule.classifiers.grpc : rule.classifiers.http;
      return { timeouts: rule.timeouts, retries: new BudgetRetries(budget.tokens, classifier, budget.meter) };
    }
    let wanted = policy;
    let { timeouts } = rule;
    if (rule.allowL5dHeaders) {
      const take = (name: Parameters<typeof takeOption>[1]): string | undefined => takeOption(request, name);
      wanted = takeRetryOptions(policy, take);
      timeouts = takeTimeoutOptions(timeouts, take);
    }
    if (wanted) return { timeouts, retries: new PolicyRetries(wanted, this.#policyMeter(), random) };
    const { requestMs, responseMs, idleMs } = timeouts;
    return requestMs === undefined && responseMs === undefined && idleMs === undefined ? undefined : { timeouts, retries: undefined };
  }

  #policyMeter(): PolicyMeter {
    const { rule, parent, metrics } = this.#options;
    return (this.#meter ??= metrics.policy(rule.grpc ? 'grpc' : 'http', parent, rule.route));
  }
}
