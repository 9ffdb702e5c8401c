// The routes of a ServiceProfile compiled: which one a request belongs to, and what its responses count as. spec/proxy.md §7.7.
import { assertNever, type Labels, type ProfileRoute, type RequestCondition, type ResponseCondition } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { RE2JS } from 're2js';

export interface ProfileRoutePlan {
  /** `rt_*`, in the order of their names. */
  readonly labels: Labels;
  /** Undefined: the route says nothing about responses of this status. */
  success(status: number): boolean | undefined;
}

/** The first that matches. A route whose condition cannot be compiled is as if it were not there. */
export function compileProfileRoutes(routes: readonly ProfileRoute[]): (request: RequestHead) => ProfileRoutePlan | undefined {
  const plans = routes.flatMap((route) => {
    const matches = requestMatcher(route.condition);
    return matches ? [{ matches, plan: planOf(route) }] : [];
  });
  return (request) => {
    for (const { matches, plan } of plans) if (matches(request)) return plan;
    return undefined;
  };
}

type Matcher<T> = (subject: T) => boolean;

function planOf({ labels, responseClasses }: ProfileRoute): ProfileRoutePlan {
  const classes = responseClasses.map(({ condition, isFailure }) => ({ matches: responseMatcher(condition), success: !isFailure }));
  return {
    labels: Object.fromEntries(
      Object.keys(labels)
        .sort()
        .map((key) => [`rt_${key}`, labels[key]]),
    ),
    success(status) {
      for (const { matches, success } of classes) if (matches(status)) return success;
      return undefined;
    },
  };
}

/** Undefined: it cannot be compiled. Parts of `all` and `any` that cannot are left out, as Linkerd does. */
function requestMatcher(condition: RequestCondition): Matcher<RequestHead> | undefined {
  switch (condition.kind) {
    case 'method':
      return ({ method }) => method === condition.method;
    case 'path':
      return pathMatcher(condition.regex);
    case 'not': {
      const matches = requestMatcher(condition.of);
      return matches && ((request) => !matches(request));
    }
    case 'all':
    case 'any': {
      const matchers = condition.of.flatMap((one) => requestMatcher(one) ?? []);
      return condition.kind === 'all' ? (request) => matchers.every((matches) => matches(request)) : (request) => matchers.some((matches) => matches(request));
    }
    default:
      return assertNever(condition);
  }
}

/** The whole path, without the query. */
function pathMatcher(regex: string): Matcher<RequestHead> | undefined {
  const trimmed = regex.trim();
  const anchored = `${trimmed.startsWith('^') ? '' : '^'}${trimmed}${trimmed.endsWith('$') ? '' : '$'}`;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(anchored);
  } catch {
    return undefined;
  }
  return ({ path }) => {
    const query = path.indexOf('?');
    return compiled.test(query < 0 ? path : path.slice(0, query));
  };
}

function responseMatcher(condition: ResponseCondition): Matcher<number> {
  switch (condition.kind) {
    case 'status':
      return (status) => condition.min <= status && status <= condition.max;
    case 'not': {
      const matches = responseMatcher(condition.of);
      return (status) => !matches(status);
    }
    case 'all':
    case 'any': {
      const matchers = condition.of.map(responseMatcher);
      return condition.kind === 'all' ? (status) => matchers.every((matches) => matches(status)) : (status) => matchers.some((matches) => matches(status));
    }
    default:
      return assertNever(condition);
  }
}
