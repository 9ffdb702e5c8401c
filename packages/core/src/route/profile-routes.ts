// The routes of a ServiceProfile: the first whose condition holds. spec/proxy.md §7.7.
import { assertNever } from '../assert-never.ts';
import type { ClientPolicy, Distribution } from '../domain/client-policy.ts';
import type { Metadata } from '../domain/metadata.ts';
import type { ProfileRoute, RequestCondition, RetryBudget } from '../domain/profile.ts';
import { reasonOf } from '../reasons/reason.ts';
import { type CompilePattern, patternCompiler } from './pattern.ts';
import { RequestView, type RoutedRequest } from './request-view.ts';

/** HTTP to a target that a ServiceProfile drives. */
export interface ProfileRouting {
  /** `name:port`, told to peers as `l5d-dst-canonical`. */
  readonly authority: string;
  readonly parent: Metadata;
  readonly routes: readonly ProfileRoute[];
  readonly retryBudget: RetryBudget | undefined;
  /** Of every route: the branches of its split. */
  readonly distribution: Distribution;
}

/** What drives a destination. */
export interface OutboundRouting {
  readonly policy: ClientPolicy;
  /** Set where a ServiceProfile drives HTTP in place of the policy. */
  readonly profile?: ProfileRouting | undefined;
  /** Whether a ServiceProfile decides where opaque connections go, in place of the policy. Default false. */
  readonly opaqueByProfile?: boolean | undefined;
}

export type Condition = (view: RequestView) => boolean;

/** Called once per request. Undefined: no route takes it, so that the implicit one does. Throws MATCH_LIMIT. */
export type SelectProfileRoute<R> = (request: RoutedRequest) => R | undefined;

/** A route whose condition cannot be compiled takes nothing, as in Linkerd. */
export function profileRoutes<R>(routes: readonly { readonly condition: RequestCondition; readonly rule: R }[]): SelectProfileRoute<R> {
  const compile = patternCompiler();
  const compiled = routes.flatMap(({ condition, rule }) => {
    const holds = compileCondition(condition, compile);
    return holds ? [{ holds, rule }] : [];
  });
  if (compiled.length === 0) return () => undefined;
  return (request) => {
    const view = new RequestView(request);
    for (const { holds, rule } of compiled) if (holds(view)) return rule;
    return undefined;
  };
}

/** Undefined where it cannot be compiled. Parts of `all` and `any` that cannot are left out, as in Linkerd. */
export function compileCondition(condition: RequestCondition, compile: CompilePattern): Condition | undefined {
  switch (condition.kind) {
    case 'all': {
      const parts = condition.of.flatMap((one) => compileCondition(one, compile) ?? []);
      return (view) => parts.every((holds) => holds(view));
    }
    case 'any': {
      const parts = condition.of.flatMap((one) => compileCondition(one, compile) ?? []);
      return (view) => parts.some((holds) => holds(view));
    }
    case 'not': {
      const holds = compileCondition(condition.of, compile);
      return holds && ((view) => !holds(view));
    }
    case 'path':
      return pathCondition(condition.regex, compile);
    case 'method':
      return ({ request }) => request.method === condition.method;
    default:
      return assertNever(condition);
  }
}

function pathCondition(regex: string, compile: CompilePattern): Condition | undefined {
  try {
    const pattern = compile(anchored(regex.trim()));
    return (view) => view.matches(pattern, view.path);
  } catch (error) {
    if (reasonOf(error).code !== 'POLICY_INVALID') throw error;
    return undefined;
  }
}

/**
 * Linkerd writes `^` before the pattern and `$` behind it where it has none, so that each binds to the alternative beside it only: `/a|/b` takes
 * `/a/x` and `/x/b`. For it a `$` behind a backslash is one already, so that `/a\$` takes `/a$x`.
 */
function anchored(regex: string): string {
  const pattern = `${regex.startsWith('^') ? '' : '^'}${regex}${regex.endsWith('$') ? '' : '$'}`;
  return !regex.includes('|') && WHOLE.test(pattern) ? pattern.slice(1, -1) : `(?s:.*)(?:${pattern})(?s:.*)`;
}

/** Begins with an anchor that is not repeated, and ends with one that is not a character. */
const WHOLE = /^\^(?![*+?{]).*(?<!\\)(?:\\\\)*\$$/s;

/** Such as `GET and path /authors/[^/]*`. */
export function formatCondition(condition: RequestCondition): string {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const word = condition.kind === 'all' ? ' and ' : ' or ';
      return condition.of.length === 0 ? condition.kind : condition.of.map((one) => nested(one)).join(word);
    }
    case 'not':
      return `not ${nested(condition.of)}`;
    case 'path':
      return `path ${condition.regex}`;
    case 'method':
      return condition.method;
    default:
      return assertNever(condition);
  }
}

function nested(condition: RequestCondition): string {
  const isLeaf = condition.kind === 'path' || condition.kind === 'method' || condition.kind === 'not';
  return isLeaf ? formatCondition(condition) : `(${formatCondition(condition)})`;
}
