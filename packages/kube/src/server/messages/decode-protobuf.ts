// Bodies in Kubernetes' protobuf as the JSON that they stand for. What `kubectl create` and many controllers send.
// Kubernetes "API Overview", "Protobuf encoding": four magic bytes, then an envelope with the type and the message.
import { badRequest, unsupportedMediaType } from '../errors/api-error.ts';
import type { Json, JsonObject } from '../json/json.ts';
import type { Member } from './message-table.ts';
import type { Messages } from './messages.ts';
import { readFields, type WireField } from './protobuf-reader.ts';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const MAGIC = Buffer.from('k8s\0');
const MAX_DEPTH = 64;
const TEXT = new TextDecoder('utf-8', { fatal: true });

/** Throws ApiError: 400 for what is no such body, 415 for a kind that is not known in this form. */
export function decodeProtobuf(messages: Messages, body: Uint8Array): JsonObject {
  if (!MAGIC.equals(body.subarray(0, 4))) throw badRequest('the body of the request is not protobuf of Kubernetes: it does not begin with its mark');
  try {
    return decodeEnvelope(messages, body.subarray(4));
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw badRequest(`the body of the request is not protobuf: ${error.message}`);
    throw error;
  }
}

function decodeEnvelope(messages: Messages, envelope: Uint8Array): JsonObject {
  let apiVersion = '';
  let kind = '';
  let raw: Uint8Array = new Uint8Array();
  for (const { number, bytes } of readFields(envelope)) {
    if (number === 1 && bytes) {
      for (const field of readFields(bytes)) {
        if (field.number === 1) apiVersion = TEXT.decode(field.bytes);
        else if (field.number === 2) kind = TEXT.decode(field.bytes);
      }
    } else if (number === 2 && bytes) raw = bytes;
  }
  if (!messages.has(kind)) throw unsupportedMediaType(`${PROTOBUF_TYPE} of ${apiVersion} ${kind}`, ['application/json', 'application/yaml']);
  return { apiVersion, kind, ...decodeMessage(messages, kind, raw, 0) };
}

function decodeMessage(messages: Messages, name: string, bytes: Uint8Array, depth: number): JsonObject {
  const message = messages.get(name);
  if (!message || depth > MAX_DEPTH) throw new RangeError(depth > MAX_DEPTH ? 'the message is too deep' : `message ${name} is not known`);
  const object: JsonObject = {};
  for (const field of readFields(bytes)) {
    const member = message.get(field.number);
    if (!member) continue;
    if (member.inline) {
      Object.assign(object, decodeMessage(messages, member.type, field.bytes ?? new Uint8Array(), depth + 1));
      continue;
    }
    const value = member.form === 'map' ? undefined : decodeValue(messages, member, field, depth);
    if (member.form === 'map') addEntry(messages, object, member, field, depth);
    else if (member.form === 'list') object[member.name] = [...((object[member.name] as Json[] | undefined) ?? []), value ?? null];
    else if (value !== undefined && (member.keepsZero || !isZero(value))) object[member.name] = value;
  }
  return object;
}

/** Protobuf writes what Go's JSON leaves out. */
function isZero(value: Json): boolean {
  return value === '' || value === 0 || value === false;
}

function addEntry(messages: Messages, object: JsonObject, member: Member, { bytes }: WireField, depth: number): void {
  let key = '';
  let value: Json | undefined;
  for (const field of readFields(bytes ?? new Uint8Array())) {
    if (field.number === 1) key = TEXT.decode(field.bytes);
    else if (field.number === 2) value = decodeValue(messages, member, field, depth);
  }
  if (key === '__proto__') throw new RangeError('a map has a member named __proto__');
  const map = (object[member.name] ??= {}) as JsonObject;
  map[key] = value ?? '';
}

function decodeValue(messages: Messages, { type }: Member, { value, bytes }: WireField, depth: number): Json | undefined {
  const octets = bytes ?? new Uint8Array();
  switch (type) {
    case 'string':
      return TEXT.decode(octets);
    case 'bytes':
      return Buffer.from(octets).toString('base64');
    case 'bool':
      return value !== 0n;
    case 'int32':
      return Number(BigInt.asIntN(32, value));
    case 'int64':
      return Number(BigInt.asIntN(64, value));
    case 'Quantity':
      return firstText(octets);
    case 'FieldsV1':
      return JSON.parse(firstText(octets) || '{}') as Json;
    case 'IntOrString':
      return intOrString(octets);
    case 'Time':
    case 'MicroTime':
      return timeOf(octets, type === 'MicroTime');
    default:
      return decodeMessage(messages, type, octets, depth + 1);
  }
}

function firstText(bytes: Uint8Array): string {
  for (const field of readFields(bytes)) if (field.number === 1) return TEXT.decode(field.bytes);
  return '';
}

function intOrString(bytes: Uint8Array): Json {
  let isText = false;
  let number = 0;
  let text = '';
  for (const field of readFields(bytes)) {
    if (field.number === 1) isText = field.value === 1n;
    else if (field.number === 2) number = Number(BigInt.asIntN(32, field.value));
    else if (field.number === 3) text = TEXT.decode(field.bytes);
  }
  return isText ? text : number;
}

/** Seconds and nanoseconds as RFC 3339; nothing is no time. */
function timeOf(bytes: Uint8Array, withMicros: boolean): Json | undefined {
  if (bytes.length === 0) return undefined;
  let seconds = 0;
  let nanos = 0;
  for (const field of readFields(bytes)) {
    if (field.number === 1) seconds = Number(BigInt.asIntN(64, field.value));
    else if (field.number === 2) nanos = Number(BigInt.asIntN(32, field.value));
  }
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return withMicros ? `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
}
