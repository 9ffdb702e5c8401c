// One request of the resource API, taken apart. Kubernetes API concepts, "Resource URIs".

import type { Json } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { UserInfo } from '../tokens/authenticate.ts';

export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Undefined for a path outside the resource API. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const parts = path.split('/').slice(1).map(decodePart);
  const root = parts.shift();
  const group = root === 'apis' ? parts.shift() : root === 'api' ? '' : undefined;
  const version = parts.shift();
  if (group === undefined || version === undefined || parts.some((part) => part === '')) return undefined;
  // /namespaces/NS/plural/…, but /namespaces/NS and its own subresources are the Namespace object.
  if (parts[0] === 'namespaces' && parts.length >= 3 && !(parts.length === 3 && (parts[2] === 'status' || parts[2] === 'finalize'))) {
    const [, namespace, plural = '', name, subresource, ...rest] = parts;
    return rest.length > 0 ? undefined : { group, version, namespace, plural, name, subresource };
  }
  const [plural, name, subresource, ...rest] = parts;
  return plural === undefined || rest.length > 0 ? undefined : { group, version, namespace: undefined, plural, name, subresource };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Not percent-encoding: no name can contain it, so the path will not be found.
    return part;
  }
}

/** How an answer is to be written, from the Accept header. */
export type AnswerForm = 'object' | 'table' | 'metadata';

export interface ApiRequest {
  readonly method: string;
  readonly path: ResourcePath;
  readonly kind: KindDefinition;
  readonly query: URLSearchParams;
  readonly form: AnswerForm;
  readonly user: UserInfo;
  /** Who writes, for field ownership: the fieldManager parameter, or the name of the client. */
  readonly manager: string;
  /** Of the body, without parameters, lower case; empty when there is none. */
  readonly contentType: string;
  /** The decoded body; undefined when it is empty. */
  readonly body: Json | undefined;
  readonly signal: AbortSignal;
  /** Collects texts for Warning headers. */
  readonly warn: (text: string) => void;
}

/** What a handler answers. */
export type ApiAnswer =
  | { readonly kind: 'json'; readonly code: number; readonly text: string }
  | { readonly kind: 'stream'; readonly contentType: string; readonly run: (out: StreamOut) => void };

/** The open body of an answer. */
export interface StreamOut {
  /** False when the reader is slower than the writer. */
  write(chunk: string | Uint8Array): boolean;
  /** Bytes written and not taken by the reader yet. */
  readonly waiting: number;
  end(): void;
  /** Ends it at once, without what still waits. */
  destroy(): void;
  onDrain(fn: () => void): void;
  /** Called once, when the reader is gone or the answer is over. */
  onClose(fn: () => void): void;
}

export function jsonAnswer(code: number, value: Json): ApiAnswer {
  return { kind: 'json', code, text: JSON.stringify(value) };
}
