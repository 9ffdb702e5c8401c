// Reading a request body: bounded; JSON, YAML, or protobuf of built-in kinds.
import type { IncomingMessage } from 'node:http';
import { badRequest, tooLarge, unsupportedMediaType } from '../errors/api-error.ts';
import { decodeJson, decodeYaml } from '../json/decode.ts';
import type { Json } from '../json/json.ts';
import { decodeProtobuf, PROTOBUF_TYPE } from '../messages/decode-protobuf.ts';
import type { Messages } from '../messages/messages.ts';
import { PATCH_TYPES } from '../rest/write.ts';

const OBJECT_TYPES = ['application/json', 'application/yaml', PROTOBUF_TYPE];

export interface BodyOptions {
  /** Largest body, in bytes. */
  readonly limit: number;
  readonly messages: Messages;
}

/** Without parameters, lower case; empty when there is none. */
export function contentTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Throws ApiError: 413 when too large, 415 for a type that is not read here, 400 for what cannot be decoded. */
export async function readBody(request: IncomingMessage, { limit, messages }: BodyOptions): Promise<Json | undefined> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  const type = contentTypeOf(request);
  const text = new TextDecoder('utf-8', { fatal: true });
  let body: string;
  if (request.method === 'PATCH' ? !PATCH_TYPES.includes(type) : type !== '' && !OBJECT_TYPES.includes(type)) {
    throw unsupportedMediaType(type, request.method === 'PATCH' ? PATCH_TYPES : OBJECT_TYPES);
  }
  if (type === PROTOBUF_TYPE) return decodeProtobuf(messages, Buffer.concat(chunks));
  try {
    body = text.decode(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof TypeError) throw badRequest('the body of the request is not UTF-8');
    throw error;
  }
  return type.endsWith('yaml') ? decodeYaml(body) : decodeJson(body);
}
