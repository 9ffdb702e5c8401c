// A protobuf body of Kubernetes' own clients, as the JSON that it stands for: the envelope, then the object by the table of messages.
import { Reader } from 'protobufjs/minimal.js';
import { ApiError, badRequest, unsupportedMediaType } from '../errors/api-error.ts';
import type { Json, JsonObject } from '../json/json.ts';
import { type Field, type Message, messageNamed, messageOfKind } from './message-table.ts';
import { specialTypes } from './special-types.ts';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** `k8s` and a zero stand before the envelope. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

const WIRE_BYTES = 2;

/** Throws ApiError: 400 for bytes that are no such object, 415 for kinds that are read as JSON or YAML only. */
export function decodeObject(body: Uint8Array): JsonObject {
  if (body.length < MAGIC.length || MAGIC.compare(body, 0, MAGIC.length) !== 0)
    throw badRequest('the body of the request does not begin as protobuf objects do');
  try {
    const { apiVersion, kind, raw } = readEnvelope(body.subarray(MAGIC.length));
    const message = messageOfKind(apiVersion, kind);
    if (!message) throw unsupportedMediaType(`${PROTOBUF_TYPE} with a ${kind} of ${apiVersion}`, ['application/json', 'application/yaml']);
    return { apiVersion, kind, ...readMessage(raw, message) };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw badRequest(`the body of the request is not protobuf: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

/** The kind (1: apiVersion 1, kind 2) and the object's bytes (2). */
function readEnvelope(bytes: Uint8Array): Envelope {
  let raw: Uint8Array = new Uint8Array();
  const names = ['', ''];
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 0x0a) {
      const typeMeta = Reader.create(reader.bytes());
      while (typeMeta.pos < typeMeta.len) {
        const inner = typeMeta.uint32();
        if ((inner & 7) !== WIRE_BYTES) typeMeta.skipType(inner & 7);
        else names[(inner >>> 3) - 1] = typeMeta.string();
      }
    } else if (tag === 0x12) raw = reader.bytes();
    else reader.skipType(tag & 7);
  }
  const [apiVersion = '', kind = ''] = names;
  return { apiVersion, kind, raw };
}

/** Fields that the table does not have are left out, as a server of an older version does. */
function readMessage(bytes: Uint8Array, message: Message): JsonObject {
  const object: JsonObject = {};
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = message.get(tag >>> 3);
    if (field) readField(object, field, reader, tag & 7);
    else reader.skipType(tag & 7);
  }
  return object;
}

function readField(object: JsonObject, field: Field, reader: Reader, wireType: number): void {
  const { name, holds, inline, omitsZero } = field;
  if (holds.kind === 'map') {
    const [key, value] = readEntry(reader.bytes(), holds.type);
    const map = object[name] ?? {};
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
    object[name] = map;
    return;
  }
  const value = readValue(reader, holds.type, wireType);
  if (value === undefined) return;
  if (inline) Object.assign(object, value);
  else if (holds.kind === 'list') object[name] = [...((object[name] as Json[] | undefined) ?? []), value];
  else if (!omitsZero || !(value === '' || value === 0 || value === false)) object[name] = value;
}

/** A map's entry: the key (1) and the value (2). */
function readEntry(bytes: Uint8Array, type: string): readonly [key: string, value: Json] {
  let key = '';
  let value: Json | undefined;
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) key = reader.string();
    else if (tag >>> 3 === 2) value = readValue(reader, type, tag & 7);
    else reader.skipType(tag & 7);
  }
  return [key, value ?? ''];
}

function readValue(reader: Reader, type: string, wireType: number): Json | undefined {
  if (type === 'int' || type === 'bool') {
    if (wireType !== 0) throw new RangeError('a number has another wire type');
    return type === 'bool' ? reader.bool() : Number(reader.int64());
  }
  if (wireType !== WIRE_BYTES) throw new RangeError('a text or message has another wire type');
  if (type === 'string') return reader.string();
  const bytes = reader.bytes();
  if (type === 'bytes') return Buffer.from(bytes).toString('base64');
  const special = specialTypes[type];
  if (special) return special(bytes);
  const message = messageNamed(type);
  if (!message) throw new Error(`the table has no message ${type}`);
  return readMessage(bytes, message);
}
