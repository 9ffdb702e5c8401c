// What becomes of a random request: by what explaining says, and as a client sees it.
import { type Filter, type HeaderModifier, refusalAnswer } from '@weft/core';
import type { FilterExplanation, InboundExplanation, OutboundExplanation } from '@weft/core/explain';
import { MARK, type RandomRequest } from './random-policies.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

export interface Outcome {
  readonly status: number;
  readonly grpcStatus?: string;
  readonly location?: string;
  /** Which rule forwarded it, and with which of the headers that rules change. */
  readonly rule?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the response. */
  readonly answer: Readonly<Record<string, string>>;
}

/** Of every response of the application, among those that rules change. */
export const ANSWER: Fields = [['x-r', 'own']];

const CHANGED = ['x-a', 'x-b', 'x-c', 'x-d'];
const CHANGED_BACK = ['x-r', 'x-s'];

export function explained(
  { verdict, candidates, filters: ofRoute, ...rest }: OutboundExplanation | InboundExplanation,
  { headers }: RandomRequest,
  asked: 'http' | 'grpc' = 'http',
): Outcome {
  if (verdict.kind === 'refused') {
    const { grpcStatus } = refusalAnswer(verdict.reason.code);
    return { ...(asked === 'grpc' ? { status: 200, grpcStatus: String(grpcStatus) } : { status: verdict.status ?? 0 }), answer: {} };
  }
  const filters = [...ofRoute, ...(('backends' in rest && rest.backends[0]?.filters) || [])];
  if (verdict.kind === 'answered') {
    const effects = filters.map(({ effect }) => effect);
    const failure = effects.map((effect) => /^fails every request with gRPC status (\d+)/.exec(effect)?.[1]).find((code) => code !== undefined);
    const location = effects.map((effect) => /^redirects to (.*) with/.exec(effect)?.[1]).find((uri) => uri !== undefined);
    return { status: verdict.status, ...(failure && { grpcStatus: failure }), ...(location && verdict.status < 400 && { location }), answer: {} };
  }
  const winner = candidates.find(({ outcome }) => outcome === 'wins');
  const changed = (kind: Filter['kind'], fields: Fields, by: readonly FilterExplanation[]): Fields =>
    by.reduce((all, { filter }) => (filter.kind === kind && 'modifier' in filter ? modified(all, filter.modifier) : all), fields);
  const answer = changed('response-headers', changed('response-headers', ANSWER, filters.slice(ofRoute.length)), ofRoute);
  const seen = ofInterest(changed('request-headers', headers, filters));
  return { status: 200, rule: `${winner?.route} ${winner?.rule}`, headers: seen, answer: ofInterest(answer, CHANGED_BACK) };
}

/** The order of spec/proxy.md §7.4. */
function modified(fields: Fields, { add, set, remove }: HeaderModifier): Fields {
  const added = [...fields, ...add.map(inLowerCase)];
  const replaced = set.map(inLowerCase).reduce<Fields>((all, field) => [...all.filter(([name]) => name !== field[0]), field], added);
  return replaced.filter(([name]) => !remove.some((removed) => removed.toLowerCase() === name));
}

const inLowerCase = ([name, value]: Fields[number]) => [name.toLowerCase(), value] as const;

/** `seen`: the header fields as the application got them; undefined where it answered nothing. */
export function observed(status: number, fields: Fields, seen: Fields | undefined): Outcome {
  const answer = ofInterest(fields, CHANGED_BACK);
  if (seen) return { status, rule: ofInterest(seen, [MARK])[MARK] ?? '', headers: ofInterest(seen), answer };
  const { location, 'grpc-status': grpcStatus } = ofInterest(fields, ['location', 'grpc-status']);
  return { status, ...(grpcStatus !== undefined && { grpcStatus }), ...(location !== undefined && { location }), answer };
}

function ofInterest(fields: Fields, names = CHANGED): Record<string, string> {
  const values = names.map((name) => [name, fields.filter(([one]) => one === name).map(([, value]) => value)] as const);
  return Object.fromEntries(values.flatMap(([name, all]) => (all.length === 0 ? [] : [[name, all.join(', ')]])));
}
