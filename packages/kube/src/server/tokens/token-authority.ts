// ServiceAccount tokens: JSON Web Tokens signed ES256 by the server's own key. RFC 7519, RFC 7515; claims as Kubernetes' bound tokens.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from 'node:crypto';
import type { Clock } from '@weft/core';
import { isObject, type Json, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../json/json.ts';

export interface TokenSubject {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly pod?: { readonly name: string; readonly uid: string };
}

export interface TokenClaims extends TokenSubject {
  readonly audiences: readonly string[];
  readonly expiresAtSeconds: number;
}

export type TokenVerdict = { readonly kind: 'valid'; readonly claims: TokenClaims } | { readonly kind: 'refused'; readonly message: string };

export interface TokenAuthority {
  readonly issuer: string;
  issue(subject: TokenSubject, audiences: readonly string[], lifetimeSeconds: number): { readonly token: string; readonly expiresAtSeconds: number };
  /** Signature, issuer and times. Whether the account still exists is the caller's to ask. */
  verify(token: string): TokenVerdict;
  /** The public key as a JSON Web Key Set, RFC 7517. */
  readonly keys: JsonObject;
}

export interface TokenAuthorityOptions {
  readonly issuer: string;
  readonly clock: Clock;
  /** PEM of a P-256 private key. Default: a new one, so that tokens do not outlive the server. */
  readonly key?: string;
}

/** PEM of a new P-256 private key. */
export function newSigningKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

const MAX_TOKEN_BYTES = 16 * 1024;

export function tokenAuthority({ issuer, clock, key }: TokenAuthorityOptions): TokenAuthority {
  const privateKey = createPrivateKey(key ?? newSigningKey());
  const publicKey = createPublicKey(privateKey);
  // The same for the same key, in every life of a server.
  const keyId = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url')
    .slice(0, 22);
  const nowSeconds = (): number => Math.floor(clock.wall() / 1000);
  return {
    issuer,
    keys: { keys: [{ ...(publicKey.export({ format: 'jwk' }) as JsonObject), kid: keyId, alg: 'ES256', use: 'sig' }] },
    issue(subject, audiences, lifetimeSeconds) {
      const now = nowSeconds();
      const { namespace, serviceAccount, pod } = subject;
      const claims: JsonObject = {
        aud: [...audiences],
        exp: now + lifetimeSeconds,
        iat: now,
        iss: issuer,
        jti: randomUUID(),
        'kubernetes.io': { namespace, serviceaccount: { ...serviceAccount }, ...(pod ? { pod: { ...pod } } : {}) },
        nbf: now,
        sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
      };
      const signed = `${encode({ alg: 'ES256', kid: keyId })}.${encode(claims)}`;
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return { token: `${signed}.${signature.toString('base64url')}`, expiresAtSeconds: now + lifetimeSeconds };
    },
    verify(token) {
      const claims = claimsOf(token, publicKey);
      if (typeof claims === 'string') return { kind: 'refused', message: claims };
      return verdict(claims, issuer, nowSeconds());
    },
  };
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The signed claims, or why the token cannot be trusted. */
function claimsOf(token: string, publicKey: KeyObject): JsonObject | string {
  if (token.length > MAX_TOKEN_BYTES) return 'the token is too long';
  const [header = '', body = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || signature === '') return 'not a JSON Web Token';
  if (stringAt(decode(header), 'alg') !== 'ES256') return 'the token is not signed with ES256';
  const bytes = Buffer.from(signature, 'base64url');
  if (bytes.length !== 64 || !verify('sha256', Buffer.from(`${header}.${body}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes)) {
    return 'the signature of the token is not valid';
  }
  const claims = decode(body);
  return isObject(claims) ? claims : 'the claims of the token cannot be read';
}

function decode(part: string): Json | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Json;
  } catch {
    // What cannot be read is treated like a token without the member that is asked for.
    return undefined;
  }
}

function verdict(claims: JsonObject, issuer: string, now: number): TokenVerdict {
  const expiresAtSeconds = numberAt(claims, 'exp') ?? 0;
  if (claims.iss !== issuer) return { kind: 'refused', message: 'the token has another issuer' };
  if (now >= expiresAtSeconds) return { kind: 'refused', message: 'token has expired' };
  if (now + 60 < (numberAt(claims, 'nbf') ?? 0)) return { kind: 'refused', message: 'the token is not valid yet' };
  const bound = objectAt(claims, 'kubernetes.io');
  const namespace = stringAt(bound, 'namespace');
  const name = stringAt(bound, 'serviceaccount', 'name');
  const uid = stringAt(bound, 'serviceaccount', 'uid');
  if (namespace === undefined || name === undefined || uid === undefined) return { kind: 'refused', message: 'the token names no service account' };
  const podName = stringAt(bound, 'pod', 'name');
  const podUid = stringAt(bound, 'pod', 'uid');
  const pod = podName !== undefined && podUid !== undefined ? { pod: { name: podName, uid: podUid } } : {};
  const audiences = listAt(claims, 'aud').filter((item) => typeof item === 'string');
  return { kind: 'valid', claims: { namespace, serviceAccount: { name, uid }, ...pod, audiences, expiresAtSeconds } };
}
