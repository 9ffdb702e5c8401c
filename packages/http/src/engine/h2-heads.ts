// Heads between HTTP/2 fields and the engine port (RFC 9113 §8.3).
import type { FieldList, RequestHead, ResponseHead } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';
import { FieldKind, isPseudo } from '../field/kind.ts';
import type { FieldTable } from '../field/table.ts';
import { addFields, listOf } from './edge.ts';
import type { Origin } from './ends.ts';

/** A valid request: pseudo-header fields first. */
export function requestFromFields(fields: readonly Field[]): RequestHead {
  let method = '';
  let path = '';
  let scheme: string | undefined;
  let authority: string | undefined;
  let protocol: string | undefined;
  let next = 0;
  for (; next < fields.length; next++) {
    const { kind, value } = fields[next] as Field;
    if (kind === FieldKind.method) method = value;
    else if (kind === FieldKind.path) path = value;
    else if (kind === FieldKind.scheme) scheme = value;
    else if (kind === FieldKind.authority) authority = value === '' ? undefined : value;
    else if (kind === FieldKind.protocol) protocol = value;
    else if (!isPseudo(kind)) break;
  }
  if (protocol !== undefined) return { method, version: '2', form: 'origin', path, scheme, authority, headers: listOf(fields, next), protocol, upgrade: false };
  const form = method === 'CONNECT' ? 'authority' : path === '*' ? 'asterisk' : 'origin';
  return { method, version: '2', form, path, scheme, authority, headers: listOf(fields, next), upgrade: false };
}

/** A valid response: `:status` is its only pseudo-header field. */
export function responseFromFields(fields: readonly Field[]): ResponseHead {
  return { status: Number(fields[0]?.value), version: '2', headers: listOf(fields, 1) };
}

export function requestToFields(table: FieldTable, head: RequestHead, origin: Origin): Field[] {
  const fields: Field[] = [table.field(':method', head.method)];
  if (head.protocol !== undefined) fields.push(table.field(':protocol', head.protocol));
  if (head.form !== 'authority') fields.push(table.field(':scheme', head.scheme ?? 'http'));
  if (head.authority !== undefined) fields.push(table.field(':authority', head.authority));
  if (head.form !== 'authority') fields.push(table.field(':path', head.path));
  addFields(fields, table, head.headers, origin);
  return fields;
}

export function responseToFields(table: FieldTable, head: ResponseHead, origin: Origin): Field[] {
  const fields: Field[] = [table.field(':status', String(head.status))];
  addFields(fields, table, head.headers, origin);
  return fields;
}

export function trailersToFields(table: FieldTable, trailers: FieldList): Field[] {
  const fields: Field[] = [];
  addFields(fields, table, trailers, null);
  return fields;
}
