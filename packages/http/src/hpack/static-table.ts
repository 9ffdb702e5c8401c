// The static table: RFC 7541 appendix A.
import { Field } from '../field/field.ts';

const ENTRIES: readonly (readonly [name: string, ...values: string[]])[] = [
  [':authority', ''],
  [':method', 'GET', 'POST'],
  [':path', '/', '/index.html'],
  [':scheme', 'http', 'https'],
  [':status', '200', '204', '206', '304', '400', '404', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];

/** The fields of the static table from index 1 on; index 0 is not used by HPACK and holds a field that is never read. */
export const staticFields: readonly Field[] = [new Field('', ''), ...ENTRIES.flatMap(([name, ...values]) => values.map((value) => new Field(name, value)))];

export const STATIC_COUNT = staticFields.length - 1;

interface StaticName {
  readonly index: number;
  readonly values: ReadonlyMap<string, number>;
}

const names: ReadonlyMap<string, StaticName> = indexNames();

function indexNames(): ReadonlyMap<string, StaticName> {
  const result = new Map<string, { index: number; values: Map<string, number> }>();
  for (let index = 1; index <= STATIC_COUNT; index++) {
    const { name, value } = staticFields[index] as Field;
    const known = result.get(name) ?? { index, values: new Map<string, number>() };
    known.values.set(value, index);
    result.set(name, known);
  }
  return result;
}

/** Finds once where a field stands in the static table, and keeps the answer with it. */
export function resolveStatic(field: Field): void {
  const name = names.get(field.name);
  field.staticName = name?.index ?? 0;
  field.staticIndex = name?.values.get(field.value) ?? 0;
}
