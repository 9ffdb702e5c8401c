// What becomes of a random request: by what explaining says, and as a client sees it.
import { type HeaderModifier, refusalAnswer } from '@weft/core';
import type { InboundExplanation, OutboundExplanation } from '@weft/core/explain';
import { MARK, type RandomRequest } from './random-policies.ts';

type Fields = readonly (readonly [name: string, value: string])[];

export interface Outcome {
  readonly status: number;
  readonly grpcStatus?: string;
  readonly location?: string;
  /** Which rule forwarded it, and with which of the headers that rules change. */
  readonly rule?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const CHANGED = ['x-a', 'x-b', 'x-c', 'x-d'];

export function explained(
  { verdict, candidates, filters }: OutboundExplanation | InboundExplanation,
  { headers }: RandomRequest,
  asked: 'http' | 'grpc' = 'http',
): Outcome {
  if (verdict.kind === 'refused') {
    return asked === 'grpc' ? { status: 200, grpcStatus: String(refusalAnswer(verdict.reason.code).grpcStatus) } : { status: verdict.status ?? 0 };
  }
  if (verdict.kind === 'answered') {
    const effects = filters.map(({ effect }) => effect);
    const failure = effects.map((effect) => /^fails every request with gRPC status (\d+)/.exec(effect)?.[1]).find((code) => code !== undefined);
    const location = effects.map((effect) => /^redirects to (.*) with/.exec(effect)?.[1]).find((uri) => uri !== undefined);
    return { status: verdict.status, ...(failure && { grpcStatus: failure }), ...(location && verdict.status < 400 && { location }) };
  }
  const winner = candidates.find(({ outcome }) => outcome === 'wins');
  const changed = filters.reduce<Fields>((fields, { filter }) => (filter.kind === 'request-headers' ? modified(fields, filter.modifier) : fields), headers);
  return { status: 200, rule: `${winner?.route} ${winner?.rule}`, headers: ofInterest(changed) };
}

/** The order of spec/proxy.md §7.4. */
function modified(fields: Fields, { add, set, remove }: HeaderModifier): Fields {
  const added = [...fields, ...add.map(inLowerCase)];
  const replaced = set.map(inLowerCase).reduce<Fields>((all, field) => [...all.filter(([name]) => name !== field[0]), field], added);
  return replaced.filter(([name]) => !remove.some((removed) => removed.toLowerCase() === name));
}

const inLowerCase = ([name, value]: Fields[number]) => [name.toLowerCase(), value] as const;

/** `seen`: the header fields as the application got them; undefined where it answered nothing. */
export function observed(status: number, answer: Readonly<Record<string, unknown>>, seen: Fields | undefined): Outcome {
  if (seen) return { status, rule: ofInterest(seen, [MARK])[MARK] ?? '', headers: ofInterest(seen) };
  const { location, 'grpc-status': grpcStatus } = answer;
  return { status, ...(typeof grpcStatus === 'string' && { grpcStatus }), ...(typeof location === 'string' && { location }) };
}

function ofInterest(fields: Fields, names = CHANGED): Record<string, string> {
  const values = names.map((name) => [name, fields.filter(([one]) => one === name).map(([, value]) => value)] as const);
  return Object.fromEntries(values.flatMap(([name, all]) => (all.length === 0 ? [] : [[name, all.join(', ')]])));
}
