// Objects that are only asked, never stored: token, access and self reviews. authentication.k8s.io/v1, authorization.k8s.io/v1.
import { badRequest } from '../errors/api-error.ts';
import { isObject, type Json, type JsonObject, listAt, stringAt } from '../json/json.ts';
import { authenticate, type UserInfo } from '../tokens/authenticate.ts';
import { type ApiAnswer, jsonAnswer } from './api-request.ts';
import type { ApiState } from './api-state.ts';

export interface ReviewKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly status: (state: ApiState, review: JsonObject, user: UserInfo) => JsonObject;
}

/** This server lets everyone who reaches it do everything. */
const allowed = (): JsonObject => ({ allowed: true, reason: 'the embedded API server has no authorization' });

const everything = (): JsonObject => ({
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  incomplete: false,
});

const authn = { group: 'authentication.k8s.io', version: 'v1', namespaced: false } as const;
const authz = { group: 'authorization.k8s.io', version: 'v1', namespaced: false } as const;

export const reviewKinds: readonly ReviewKind[] = [
  { ...authn, plural: 'tokenreviews', kind: 'TokenReview', status: reviewToken },
  { ...authn, plural: 'selfsubjectreviews', kind: 'SelfSubjectReview', status: (_state, _review, user) => ({ userInfo: userJson(user) }) },
  { ...authz, plural: 'subjectaccessreviews', kind: 'SubjectAccessReview', status: allowed },
  { ...authz, plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview', status: allowed },
  { ...authz, plural: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview', status: everything },
  { ...authz, plural: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview', namespaced: true, status: allowed },
];

export function answerReview(state: ApiState, review: ReviewKind, body: Json | undefined, user: UserInfo): ApiAnswer {
  if (!isObject(body)) throw badRequest(`the body of the request must be a ${review.kind}`);
  if (body.kind !== undefined && body.kind !== review.kind) throw badRequest(`the object provided is a ${JSON.stringify(body.kind)}, not a ${review.kind}`);
  const status = review.status(state, body, user);
  return jsonAnswer(201, { ...body, kind: review.kind, apiVersion: `${review.group}/${review.version}`, metadata: body.metadata ?? {}, status });
}

function reviewToken(state: ApiState, review: JsonObject): JsonObject {
  const token = stringAt(review, 'spec', 'token') ?? '';
  if (token === '') throw badRequest('spec.token is required');
  const asked = listAt(review, 'spec', 'audiences').filter((item) => typeof item === 'string');
  const verdict = authenticate(token, asked.length > 0 ? asked : state.apiAudiences, state.tokens, state.store);
  if (verdict.kind === 'refused') {
    state.logger.log('info', 'a token was not accepted', { why: verdict.message });
    // Like Kubernetes: why stands in `error`, beside authenticated: false.
    return { authenticated: false, user: {}, error: verdict.message };
  }
  return { authenticated: true, user: userJson(verdict.user), audiences: [...verdict.audiences] };
}

function userJson({ username, uid, groups, extra }: UserInfo): JsonObject {
  const lists: JsonObject = {};
  for (const [key, values] of Object.entries(extra ?? {})) lists[key] = [...values];
  return { username, ...(uid === undefined ? {} : { uid }), groups: [...groups], ...(extra ? { extra: lists } : {}) };
}
