// The three ways to write an object: whole, as a row of a Table, or its metadata only. Kubernetes API concepts, "Alternate representations of resources".
import { apiVersionOf } from '../../resources/resource-kind.ts';
import type { Json, JsonObject } from '../json/json.ts';
import { inVersion } from '../kinds/in-version.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { AnswerForm } from '../rest/api-request.ts';
import type { Revision } from '../storage/collection.ts';

export interface ListMeta {
  readonly resourceVersion: string;
  readonly next?: string;
  readonly remaining?: number;
}

export interface WriteForm {
  readonly kind: KindDefinition;
  readonly form: AnswerForm;
  /** What a row carries: `None`, `Metadata` (default) or `Object`. */
  readonly includeObject: string | null;
  readonly nowMs: number;
}

const META = 'meta.k8s.io/v1';

export function objectText(revision: Revision, form: WriteForm): string {
  if (form.form === 'object') return wholeText(revision, form.kind);
  if (form.form === 'metadata') return JSON.stringify(partial(revision.object));
  return JSON.stringify(table([revision], { resourceVersion: String(revision.version) }, form));
}

export function listText(revisions: readonly Revision[], meta: ListMeta, form: WriteForm): string {
  const metadata = listMeta(meta);
  if (form.form === 'table') return JSON.stringify(table(revisions, meta, form));
  if (form.form === 'metadata') {
    return JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion: META, metadata, items: revisions.map(({ object }) => partial(object)) });
  }
  const { resource } = form.kind;
  const head = { kind: form.kind.listKind, apiVersion: apiVersionOf(resource), metadata };
  // The items' texts are there already.
  return `${JSON.stringify(head).slice(0, -1)},"items":[${revisions.map((revision) => wholeText(revision, form.kind)).join(',')}]}`;
}

function wholeText({ object, text }: Revision, kind: KindDefinition): string {
  const shown = inVersion(kind, object);
  return shown === object ? text : JSON.stringify(shown);
}

/** One line of a watch. */
export function eventText(type: string, revision: Revision, form: WriteForm): string {
  return `{"type":"${type}","object":${objectText(revision, form)}}\n`;
}

export function bookmarkText(kind: KindDefinition, version: number, form: AnswerForm, annotations?: JsonObject): string {
  const { resource } = kind;
  const metadata = { resourceVersion: String(version), ...(annotations ? { annotations } : {}) };
  const plain = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
  const shapes: Record<AnswerForm, JsonObject> = {
    object: plain,
    metadata: { ...plain, kind: 'PartialObjectMetadata', apiVersion: META },
    table: { kind: 'Table', apiVersion: META, metadata: { resourceVersion: String(version) }, columnDefinitions: columns(kind), rows: [] },
  };
  return `${JSON.stringify({ type: 'BOOKMARK', object: shapes[form] })}\n`;
}

function listMeta({ resourceVersion, next, remaining }: ListMeta): JsonObject {
  return { resourceVersion, ...(next === undefined ? {} : { continue: next }), ...(remaining === undefined ? {} : { remainingItemCount: remaining }) };
}

function partial(object: JsonObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: META, metadata: object.metadata };
}

function columns(kind: KindDefinition): Json[] {
  return kind.columns.map(({ name, type, format, description, priority }) => ({ name, type, format: format ?? '', description, priority }));
}

function table(revisions: readonly Revision[], meta: ListMeta, { kind, includeObject, nowMs }: WriteForm): JsonObject {
  const objectOf = (object: JsonObject): JsonObject => {
    if (includeObject === 'None') return {};
    return { object: includeObject === 'Object' ? inVersion(kind, object) : partial(object) };
  };
  return {
    kind: 'Table',
    apiVersion: META,
    metadata: listMeta(meta),
    columnDefinitions: columns(kind),
    rows: revisions.map(({ object }) => ({ cells: kind.columns.map(({ cell }) => cell(object, nowMs)), ...objectOf(object) })),
  };
}
