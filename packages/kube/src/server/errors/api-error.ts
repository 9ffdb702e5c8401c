// Refusals as Kubernetes words them: one function per reason, each answering a Status. Kubernetes API conventions, "Response Status Kind".
import type { Status, StatusCause } from '../../client/kube-error.ts';
import type { ResourceKind } from '../../resources/resource-kind.ts';

/** Thrown by any handler; answered with its Status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: Status & { readonly code: number };

  constructor(code: number, reason: string, message: string, details?: Status['details']) {
    super(message);
    this.status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, ...(details ? { details } : {}), code };
  }
}

type Named = Pick<ResourceKind, 'group' | 'plural' | 'kind'>;

/** `pods`, `deployments.apps`: how messages name a resource. */
export function qualified(kind: Pick<Named, 'group' | 'plural'>): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

const details = (kind: Named, name: string, more: Status['details'] = {}): Status['details'] => ({ name, group: kind.group, kind: kind.plural, ...more });

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);
export const unauthorized = (message: string): ApiError => new ApiError(401, 'Unauthorized', message);
export const forbidden = (kind: Named, name: string, why: string, causes: readonly StatusCause[] = []): ApiError =>
  new ApiError(403, 'Forbidden', `${qualified(kind)} "${name}" is forbidden: ${why}`, details(kind, name, causes.length > 0 ? { causes } : {}));
/** Refused before anything is known of the object. */
export const refusedOrigin = (why: string): ApiError => new ApiError(403, 'Forbidden', why);
export const notFound = (kind: Named, name: string): ApiError => new ApiError(404, 'NotFound', `${qualified(kind)} "${name}" not found`, details(kind, name));
export const noSuchPath = (): ApiError => new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
export const methodNotAllowed = (method: string): ApiError =>
  new ApiError(405, 'MethodNotAllowed', `the server does not allow ${method} on the requested resource`, {});
export const terminating = (kind: Named): ApiError =>
  new ApiError(405, 'MethodNotAllowed', `create is not allowed on ${qualified(kind)} while its definition is being deleted`, details(kind, ''));
export const alreadyExists = (kind: Named, name: string): ApiError =>
  new ApiError(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`, details(kind, name));
export const conflict = (kind: Named, name: string, why: string): ApiError =>
  new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, details(kind, name));
export const modified = (kind: Named, name: string): ApiError =>
  conflict(kind, name, 'the object has been modified; please apply your changes to the latest version and try again');
export const expired = (message: string): ApiError => new ApiError(410, 'Expired', message);
export const tooLarge = (limit: number): ApiError => new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`, {});
export const unsupportedMediaType = (got: string, accepted: readonly string[]): ApiError =>
  new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}; got ${got}`,
    {},
  );
export const notAcceptable = (): ApiError => new ApiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json', {});
export const internal = (message: string): ApiError => new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
export const notImplemented = (message: string): ApiError => new ApiError(501, 'NotImplemented', message, {});
export const versionTooLarge = (wanted: string, current: string): ApiError =>
  new ApiError(504, 'Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

/** Every problem at once, as `kubectl` prints them. */
export function invalid(kind: Named, name: string, causes: readonly StatusCause[]): ApiError {
  const texts = causes.map((cause) => `${cause.field ?? ''}: ${cause.message ?? ''}`);
  const text = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  return new ApiError(422, 'Invalid', `${kind.kind}${kind.group === '' ? '' : `.${kind.group}`} "${name}" is invalid: ${text}`, {
    name,
    group: kind.group,
    kind: kind.kind,
    causes,
  });
}
