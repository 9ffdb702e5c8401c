// From an HTTP request to the handler that answers it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, internal, methodNotAllowed, noSuchPath, notAcceptable, notImplemented, unauthorized } from '../errors/api-error.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { Messages } from '../messages/messages.ts';
import { type ApiAnswer, type ApiRequest, parseResourcePath, type ResourcePath } from '../rest/api-request.ts';
import type { ApiState } from '../rest/api-state.ts';
import { bindPod, evictPod, servePodLog } from '../rest/pod-subresources.ts';
import { getObject, listObjects } from '../rest/read.ts';
import { answerReview, reviewKinds } from '../rest/reviews.ts';
import { serveScale } from '../rest/scale.ts';
import { requestToken } from '../rest/token-request.ts';
import { deleteCollection, deleteObject, patchObject, postObject, putObject } from '../rest/write.ts';
import { ADMIN, authenticate, type UserInfo } from '../tokens/authenticate.ts';
import { refuseWebPages } from './browser-guard.ts';
import { chooseForm } from './negotiate.ts';
import { sendAnswer, sendError } from './reply.ts';
import { contentTypeOf, readBody } from './request-body.ts';
import { type SystemDocuments, serveSystemPath } from './system-paths.ts';

export interface RouterOptions {
  readonly state: ApiState;
  readonly documents: SystemDocuments;
  /** By which bodies in protobuf are read. */
  readonly messages: Messages;
  readonly maxBodyBytes: number;
}

/** Answers every request; never throws. */
export function createRouter({ state, documents, messages, maxBodyBytes }: RouterOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    refuseWebPages(request);
    const { pathname, searchParams } = splitUrl(request.url ?? '/');
    if (serveSystemPath(documents, request, response, pathname)) return;
    const path = parseResourcePath(pathname);
    if (!path) throw noSuchPath();
    const user = userOf(state, request);
    const review =
      path.name === undefined
        ? reviewKinds.find(({ group, version, plural }) => group === path.group && version === path.version && plural === path.plural)
        : undefined;
    if (review) {
      if (request.method !== 'POST') throw methodNotAllowed(request.method ?? '');
      return sendAnswer(response, answerReview(state, review, await readBody(request, { limit: maxBodyBytes, messages }), user), { warnings: [] });
    }
    const kind = state.registry.byPlural(path.group, path.version, path.plural);
    if (!kind || (!kind.resource.namespaced && path.namespace !== undefined)) throw noSuchPath();
    const handle = handlerOf(request.method ?? 'GET', path, kind);
    const form = chooseForm(request.headers.accept);
    if (form === undefined && path.subresource !== 'log') throw notAcceptable();
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const warnings = kind.warning === undefined ? [] : [kind.warning];
    const apiRequest: ApiRequest = {
      method: request.method ?? 'GET',
      path,
      kind,
      query: searchParams,
      form: form ?? 'object',
      user,
      manager: searchParams.get('fieldManager') || (request.headers['user-agent'] ?? 'unknown').split('/')[0] || 'unknown',
      contentType: contentTypeOf(request),
      body: await readBody(request, { limit: maxBodyBytes, messages }),
      signal: gone.signal,
      warn: (text) => void warnings.push(text),
    };
    const answer = await handle(state, apiRequest);
    // A stream waits by itself, for each of its parts.
    if (answer.kind === 'json') await kept(state);
    if (!response.destroyed) sendAnswer(response, answer, { warnings });
  };
  return (request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy();
      if (!(error instanceof ApiError) && !isPeerGone(error)) {
        state.logger.log('error', 'a request failed unexpectedly', {
          path: request.url ?? '',
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      }
      sendError(response, error instanceof ApiError ? error : internal('an unexpected error; the log of the server has more'));
    });
  };
}

/** By hand: URL parsing would resolve `..` and so turn one object's path into another's. */
function splitUrl(target: string): { readonly pathname: string; readonly searchParams: URLSearchParams } {
  const at = target.indexOf('?');
  return { pathname: at < 0 ? target : target.slice(0, at), searchParams: new URLSearchParams(at < 0 ? '' : target.slice(at + 1)) };
}

function isPeerGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE');
}

/** Nothing is told of before it is on disk, where there is one: neither a write to its writer, nor to a reader. */
function kept({ store }: ApiState): Promise<void> {
  return new Promise((resolve, reject) => {
    store.whenKept((error) => (error ? reject(internal(error.message)) : resolve()));
  });
}

type Handler = (state: ApiState, request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>;

/** Throws ApiError where there is none, before the body is read. */
function handlerOf(method: string, path: ResourcePath, kind: KindDefinition): Handler {
  if (path.subresource !== undefined) return subresourceHandler(method, kind, path.subresource);
  if (path.name === undefined) {
    const collection: Partial<Record<string, Handler>> = { GET: listObjects, POST: postObject, DELETE: deleteCollection };
    return collection[method] ?? refuse(method);
  }
  const object: Partial<Record<string, Handler>> = { GET: getObject, PUT: putObject, PATCH: patchObject, DELETE: deleteObject };
  return object[method] ?? refuse(method);
}

function subresourceHandler(method: string, kind: KindDefinition, name: string): Handler {
  const { group, kind: kindName } = kind.resource;
  if (name === 'status' && kind.hasStatus) {
    if (method === 'GET') return getObject;
    if (method === 'PUT') return (state, request) => putObject(state, request, 'status');
    return method === 'PATCH' ? (state, request) => patchObject(state, request, 'status') : refuse(method);
  }
  if (name === 'scale' && kind.scale) return ['GET', 'PUT', 'PATCH'].includes(method) ? serveScale : refuse(method);
  if (group === '' && kindName === 'Namespace' && name === 'finalize')
    return method === 'PUT' ? (state, request) => putObject(state, request, 'finalize') : refuse(method);
  if (group === '' && kindName === 'ServiceAccount' && name === 'token') return requestToken;
  if (group === '' && kindName === 'Pod') {
    const own: Partial<Record<string, Handler>> = { log: servePodLog, binding: bindPod, eviction: evictPod };
    if (own[name]) return own[name];
    if (['exec', 'attach', 'portforward', 'proxy'].includes(name)) throw notImplemented(`pods/${name} is not served by the embedded API server`);
  }
  throw noSuchPath();
}

function refuse(method: string): never {
  throw methodNotAllowed(method);
}

/** Without a token: the owner of this server. With one: whose it is, and a 401 when nobody's. */
function userOf(state: ApiState, request: IncomingMessage): UserInfo {
  const match = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '');
  if (!match?.[1]) return ADMIN;
  const verdict = authenticate(match[1], state.apiAudiences, state.tokens, state.store);
  if (verdict.kind === 'refused') throw unauthorized(`Unauthorized: ${verdict.message}`);
  return verdict.user;
}
