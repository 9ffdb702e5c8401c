// Messages that are one value in JSON: times, quantities, numbers-or-names, lists of texts. Kubernetes API conventions, "Types".
import { Reader } from 'protobufjs/minimal.js';
import type { Json } from '../json/json.ts';

/** Undefined: nothing was set. Throws SyntaxError for embedded JSON that is none. */
export const specialTypes: Readonly<Record<string, (bytes: Uint8Array) => Json | undefined>> = {
  Time: (bytes) => timeText(bytes, 0),
  MicroTime: (bytes) => timeText(bytes, 6),
  Quantity: (bytes) => texts(bytes, 1)[0],
  IntOrString: intOrString,
  Items: (bytes) => texts(bytes, 1),
  FieldsV1: embeddedJson,
  RawExtension: embeddedJson,
};

/** Seconds (1) and nanoseconds (2) since 1970; an empty message is a time that was not set. */
function timeText(bytes: Uint8Array, digits: 0 | 6): string | undefined {
  if (bytes.length === 0) return undefined;
  const numbers = varints(bytes);
  const date = new Date((numbers.get(1) ?? 0) * 1000);
  if (Number.isNaN(date.getTime())) throw new RangeError('a time is out of range');
  const whole = date.toISOString().slice(0, 19);
  const micros = Math.trunc((numbers.get(2) ?? 0) / 1000);
  return digits === 0 ? `${whole}Z` : `${whole}.${String(micros).padStart(6, '0')}Z`;
}

/** Which of the two (1): 0 the number (2), 1 the text (3). */
function intOrString(bytes: Uint8Array): Json {
  const numbers = varints(bytes);
  return numbers.get(1) === 1 ? (texts(bytes, 3)[0] ?? '') : (numbers.get(2) ?? 0) | 0;
}

function embeddedJson(bytes: Uint8Array): Json | undefined {
  const text = texts(bytes, 1)[0];
  return text === undefined ? undefined : (JSON.parse(text) as Json);
}

function texts(bytes: Uint8Array, field: number): string[] {
  const found: string[] = [];
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === ((field << 3) | 2)) found.push(reader.string());
    else reader.skipType(tag & 7);
  }
  return found;
}

function varints(bytes: Uint8Array): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if ((tag & 7) === 0) found.set(tag >>> 3, Number(reader.int64()));
    else reader.skipType(tag & 7);
  }
  return found;
}
