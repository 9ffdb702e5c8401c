// Matches of HTTP and gRPC routes as predicates, with what makes one more specific than another. spec/proxy.md §7.2, §7.3.
import type { GrpcMatch, HttpMatch, NamedMatch } from '../domain/match.ts';
import type { CompilePattern } from './pattern.ts';
import { headerIs, methodIs, type PathPredicate, type Predicate, pathIs, queryIs, rpcIs } from './predicates.ts';
import type { RequestView } from './request-view.ts';

/** What decides between two matches that both hold, in this order. */
export type Criterion = 'path' | 'service' | 'rpc-method' | 'headers' | 'query' | 'method';

export interface CompiledMatch {
  readonly predicates: readonly Predicate[];
  readonly path: PathPredicate | undefined;
  /** Of a gRPC match; empty where it fits any. */
  readonly rpc: { readonly service: string; readonly method: string } | undefined;
  /** Names of the headers that have to be there. */
  readonly headers: readonly string[];
  /** Weights that every request sees alike; compared in order, higher is more specific. */
  readonly weights: readonly (readonly [criterion: Criterion, weight: number])[];
}

/** A match that demands nothing takes one character, as the prefix `/` does. */
export const NOTHING_TAKEN = 1;

/** Characters of the path that a match takes: what is compared first. */
export function pathTaken(match: CompiledMatch, view: RequestView): number {
  return match.path ? match.path.taken(view) : NOTHING_TAKEN;
}

export const ANYTHING: CompiledMatch = { predicates: [], path: undefined, rpc: undefined, headers: [], weights: [] };

/** Throws POLICY_INVALID. */
export function httpMatch(match: HttpMatch, compile: CompilePattern): CompiledMatch {
  const path = match.path && pathIs(match.path, compile);
  return {
    path,
    rpc: undefined,
    headers: namesOf(match.headers),
    predicates: [
      ...(match.method === undefined ? [] : [methodIs(match.method)]),
      ...(path ? [path] : []),
      ...match.headers.map((one) => headerIs(one, compile)),
      ...match.query.map((one) => queryIs(one, compile)),
    ],
    weights: [
      ['headers', match.headers.length],
      ['query', match.query.length],
      ['method', match.method === undefined ? 0 : 1],
    ],
  };
}

function namesOf(headers: readonly NamedMatch[]): readonly string[] {
  return headers.map(({ name }) => name.toLowerCase());
}

/** Throws POLICY_INVALID. */
export function grpcMatch(match: GrpcMatch, compile: CompilePattern): CompiledMatch {
  const { service, method } = match.rpc;
  return {
    path: undefined,
    rpc: { service, method },
    headers: namesOf(match.headers),
    predicates: [methodIs('POST'), rpcIs(service, method), ...match.headers.map((one) => headerIs(one, compile))],
    weights: [
      ['service', service.length],
      ['rpc-method', method.length],
      ['headers', match.headers.length],
    ],
  };
}
