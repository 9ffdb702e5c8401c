// Conditions of profile routes. One that cannot be understood is left out of its list, or undefined. spec/proxy.md §7.7.
import type { RequestCondition, ResponseCondition } from '@weft/core';
import type { DestinationHttpStatusRange, DestinationRequestMatch, DestinationResponseMatch } from '../gen/messages.ts';
import { methodFromWire, methodToWire } from './http-types.ts';
import { lenient, type Wire } from './path.ts';

export function requestConditionFromWire(wire: Wire<DestinationRequestMatch>): RequestCondition | undefined {
  if (wire?.all) return { kind: 'all', of: requestConditions(wire.all.matches) };
  if (wire?.any) return { kind: 'any', of: requestConditions(wire.any.matches) };
  if (wire?.not) {
    const of = requestConditionFromWire(wire.not);
    return of && { kind: 'not', of };
  }
  if (wire?.path) return { kind: 'path', regex: wire.path.regex ?? '' };
  const { method } = wire ?? {};
  const name = method ? lenient(() => methodFromWire(method, 'method')) : undefined;
  return name === undefined ? undefined : { kind: 'method', method: name };
}

export function requestConditionToWire(condition: RequestCondition): DestinationRequestMatch {
  switch (condition.kind) {
    case 'all':
      return { all: { matches: condition.of.map(requestConditionToWire) } };
    case 'any':
      return { any: { matches: condition.of.map(requestConditionToWire) } };
    case 'not':
      return { not: requestConditionToWire(condition.of) };
    case 'path':
      return { path: { regex: condition.regex } };
    case 'method':
      return { method: methodToWire(condition.method) };
  }
}

export function responseConditionFromWire(wire: Wire<DestinationResponseMatch>): ResponseCondition | undefined {
  if (wire?.all) return composed('all', responseConditions(wire.all.matches));
  if (wire?.any) return composed('any', responseConditions(wire.any.matches));
  if (wire?.not) {
    const of = responseConditionFromWire(wire.not);
    return of && { kind: 'not', of };
  }
  return wire?.status ? statusCondition(wire.status) : undefined;
}

export function responseConditionToWire(condition: ResponseCondition): DestinationResponseMatch {
  switch (condition.kind) {
    case 'all':
      return { all: { matches: condition.of.map(responseConditionToWire) } };
    case 'any':
      return { any: { matches: condition.of.map(responseConditionToWire) } };
    case 'not':
      return { not: responseConditionToWire(condition.of) };
    case 'status':
      return { status: { min: condition.min, max: condition.max } };
  }
}

function requestConditions(list: readonly DestinationRequestMatch[] | undefined): RequestCondition[] {
  return (list ?? []).flatMap((item) => requestConditionFromWire(item) ?? []);
}

function responseConditions(list: readonly DestinationResponseMatch[] | undefined): ResponseCondition[] {
  return (list ?? []).flatMap((item) => responseConditionFromWire(item) ?? []);
}

/** Those without parts cannot be understood, unlike those of requests. */
function composed(kind: 'all' | 'any', of: readonly ResponseCondition[]): ResponseCondition | undefined {
  return of.length === 0 ? undefined : { kind, of };
}

/** A bound that is missing equals the other one. */
function statusCondition(wire: DestinationHttpStatusRange): ResponseCondition | undefined {
  const min = wire.min || wire.max || 0;
  const max = wire.max || min;
  return min >= 100 && max >= min && max <= 999 ? { kind: 'status', min, max } : undefined;
}
