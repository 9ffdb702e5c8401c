// Reading: one object, a list in pages, a watch.

import { badRequest, expired, notFound, versionTooLarge } from '../errors/api-error.ts';
import { selectionOf } from '../select/selection.ts';
import type { Revision } from '../storage/collection.ts';
import { keyOf, objectKey } from '../storage/object-key.ts';
import { listText, objectText, type WriteForm } from '../table/table.ts';
import { prepareWatch } from '../watch/watch-session.ts';
import type { ApiAnswer, ApiRequest } from './api-request.ts';
import type { ApiState } from './api-state.ts';

export function writeForm(state: ApiState, request: ApiRequest): WriteForm {
  return { kind: request.kind, form: request.form, includeObject: request.query.get('includeObject'), nowMs: state.clock.wall() };
}

export function answerObject(state: ApiState, request: ApiRequest, code: number, revision: Revision): ApiAnswer {
  return { kind: 'json', code, text: objectText(revision, writeForm(state, request)) };
}

export function getObject(state: ApiState, request: ApiRequest): ApiAnswer {
  const { kind, path } = request;
  const found = state.store.collection(kind.resource).get(keyOf(path.namespace, path.name ?? ''));
  if (!found) throw notFound(kind.resource, path.name ?? '');
  return answerObject(state, request, 200, found);
}

export function listObjects(state: ApiState, request: ApiRequest): ApiAnswer {
  const { kind, path, query } = request;
  const isWatch = query.get('watch') === 'true' || query.get('watch') === '1';
  if (isWatch) return watchObjects(state, request);
  const selects = selectionOf(kind, path.namespace, query);
  const limit = numberIn(query, 'limit') ?? 0;
  const { version, after } = startOf(state, query);
  const found = state.store.collection(kind.resource).listAt(version, path.namespace, after);
  if (found === 'expired') {
    throw expired(
      after === undefined
        ? `too old resource version: ${version} (${state.store.version})`
        : 'The provided continue parameter is too old to display a consistent list result: begin again without it',
    );
  }
  const all = found.filter(({ object }) => selects(object));
  const page = limit > 0 ? all.slice(0, limit) : all;
  const last = page.at(-1);
  const next = page.length < all.length && last ? encodeContinue(String(version), objectKey(last.object)) : undefined;
  const isSelective = query.has('labelSelector') || query.has('fieldSelector');
  // How many are left is only told where nothing is selected: elsewhere a real server does not know.
  const more = next === undefined ? {} : { next, ...(isSelective ? {} : { remaining: all.length - page.length }) };
  return { kind: 'json', code: 200, text: listText(page, { resourceVersion: String(version), ...more }, writeForm(state, request)) };
}

/** The version that a list shows, and where in it a page begins: all pages of one list show the same state. */
function startOf({ store }: ApiState, query: URLSearchParams): { readonly version: number; readonly after: string | undefined } {
  const wanted = versionIn(query);
  const match = query.get('resourceVersionMatch') ?? '';
  const token = query.get('continue') ?? '';
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') throw badRequest(`invalid resourceVersionMatch ${JSON.stringify(match)}`);
  if (match !== '' && wanted === undefined) throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (match === 'Exact' && wanted === 0) throw badRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
  if (token !== '') {
    if (match !== '' || (wanted !== undefined && wanted !== 0)) throw badRequest('specifying resource version is not allowed when using continue');
    const { version: text, after } = decodeContinue(token);
    const version = Number(text);
    if (!Number.isSafeInteger(version) || version > store.version) throw badRequest('continue key is not valid');
    return { version, after };
  }
  if (wanted !== undefined && wanted > store.version) throw versionTooLarge(String(wanted), String(store.version));
  return { version: match === 'Exact' && wanted !== undefined ? wanted : store.version, after: undefined };
}

function watchObjects(state: ApiState, { kind, path, query, form }: ApiRequest): ApiAnswer {
  const { store } = state;
  const streamsList = query.get('sendInitialEvents') === 'true';
  const match = query.get('resourceVersionMatch') ?? '';
  if (query.has('sendInitialEvents') && match !== 'NotOlderThan') throw badRequest('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (!query.has('sendInitialEvents') && match !== '') throw badRequest('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  const version = versionIn(query);
  // 0 means any state will do: the present one.
  const from = streamsList || version === undefined || version === 0 ? undefined : version;
  if (from !== undefined && from > store.version) throw expired(`resource version ${from} is from another life of this server (${store.version})`);
  const timeoutSeconds = numberIn(query, 'timeoutSeconds');
  const run = prepareWatch({
    store,
    kind,
    namespace: path.namespace,
    selects: selectionOf(kind, path.namespace, query),
    form,
    includeObject: query.get('includeObject'),
    from,
    marksInitialEnd: streamsList,
    bookmarks: query.get('allowWatchBookmarks') === 'true',
    bookmarkMs: state.bookmarkMs,
    ended: kind.life?.signal,
    timeoutMs: timeoutSeconds === undefined || timeoutSeconds === 0 ? undefined : timeoutSeconds * 1000,
    maxLagBytes: state.maxWatchLagBytes,
    clock: state.clock,
  });
  return { kind: 'stream', contentType: form === 'table' ? 'application/json;as=Table;v=v1;g=meta.k8s.io' : 'application/json', run };
}

function versionIn(query: URLSearchParams): number | undefined {
  return numberIn(query, 'resourceVersion');
}

function numberIn(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw badRequest(`invalid ${key}: ${text}`);
  return value;
}

/** Where the next page begins: an opaque text for clients. */
function encodeContinue(version: string, after: string): string {
  return Buffer.from(JSON.stringify({ version, after })).toString('base64url');
}

function decodeContinue(token: string): { readonly version: string; readonly after: string } {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null && 'version' in value && 'after' in value)
      return { version: String(value.version), after: String(value.after) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest('continue key is not valid');
}
