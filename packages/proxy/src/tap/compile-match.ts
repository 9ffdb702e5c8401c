// A tap's condition as a predicate. spec/proxy.md §9.5.
import { assertNever, networkMatcher, type SocketAddress, type TapAddressMatch, type TapMatch, type TapSides } from '@weft/core';

/** What conditions look at. */
export interface TapSubject {
  readonly sides: TapSides;
  readonly method: string;
  readonly scheme: string | undefined;
  readonly authority: string;
  /** Without query. */
  readonly path: string;
}

export type TapPredicate = (subject: TapSubject) => boolean;

export function compileTapMatch(match: TapMatch): TapPredicate {
  switch (match.kind) {
    case 'all': {
      const all = match.matches.map(compileTapMatch);
      return (subject) => all.every((holds) => holds(subject));
    }
    case 'any': {
      const any = match.matches.map(compileTapMatch);
      return (subject) => any.some((holds) => holds(subject));
    }
    case 'not': {
      const holds = compileTapMatch(match.match);
      return (subject) => !holds(subject);
    }
    case 'source': {
      const holds = addressPredicate(match.address);
      return ({ sides }) => sides.source !== undefined && holds(sides.source);
    }
    case 'destination': {
      const holds = addressPredicate(match.address);
      return ({ sides }) => holds(sides.destination);
    }
    case 'destination-label':
      return ({ sides }) => labelOf(sides.destinationLabels, match.key) === match.value;
    case 'route-label':
      return ({ sides }) => sides.routeLabels !== undefined && labelOf(sides.routeLabels, match.key) === match.value;
    case 'scheme':
      return ({ scheme = 'http' }) => scheme === match.value;
    case 'method':
      return ({ method }) => method === match.value;
    case 'authority':
      return ({ authority }) => textMatches(match.text, authority);
    case 'path':
      return ({ path }) => textMatches(match.text, path);
    default:
      return assertNever(match);
  }
}

/** Keys are the observer's to choose. */
function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function addressPredicate(match: TapAddressMatch): (address: SocketAddress) => boolean {
  if (match.kind === 'ports') return ({ port }) => match.first <= port && port <= match.last;
  const contains = networkMatcher([match.network]);
  return ({ ip }) => contains(ip);
}

function textMatches({ kind, value }: { readonly kind: 'exact' | 'prefix'; readonly value: string }, text: string): boolean {
  return kind === 'exact' ? text === value : text.startsWith(value);
}
