// Who may come in: the authorizations of a server or route, compiled. spec/proxy.md §8.2.
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import type { Authorization } from '../domain/server-policy.ts';
import { type Reason, reason } from '../reasons/reason.ts';
import {
  type AuthorizationRule,
  compileAuthorization,
  formatInboundClient,
  formatRejection,
  type InboundClient,
  type RejectedBy,
} from './authorization-rule.ts';

export type AuthorizationVerdict =
  | { readonly kind: 'allowed'; readonly authorization: Authorization }
  | { readonly kind: 'denied' /** Always UNAUTHORIZED. */; readonly reason: Reason };

/** What became of one authorization. */
export interface AuthorizationTrial {
  readonly authorization: Authorization;
  /** Undefined: it admits the client. The first of these decides. */
  readonly rejected: { readonly by: RejectedBy; readonly sentence: string } | undefined;
}

/** Asked per request and per policy change; never throws. */
export interface Authorizer {
  authorize(client: InboundClient): AuthorizationVerdict;
  /** Every authorization, also those after the one that decides. */
  explain(client: InboundClient): readonly AuthorizationTrial[];
}

export interface AuthorizerOptions {
  /** In order of preference: the first that admits the client decides. For a route: its own and the server's. */
  readonly authorizations: readonly Authorization[];
  /** Named in refusals. */
  readonly server: Metadata;
  /** Named in refusals, where a route decided. */
  readonly route?: Metadata | undefined;
}

interface Compiled {
  readonly rejects: AuthorizationRule;
  readonly verdict: Extract<AuthorizationVerdict, { kind: 'allowed' }>;
}

/** Compiles once per policy. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const rules = options.authorizations.map(
    (authorization): Compiled => ({ rejects: compileAuthorization(authorization), verdict: { kind: 'allowed', authorization } }),
  );
  const place = `server ${formatMetadata(options.server)}${options.route ? `, route ${formatMetadata(options.route)}` : ''}`;
  const known = new WeakMap<InboundClient, AuthorizationVerdict>();

  const decide = (client: InboundClient): AuthorizationVerdict => {
    for (const { rejects, verdict } of rules) if (rejects(client) === undefined) return verdict;
    return { kind: 'denied', reason: reason('UNAUTHORIZED', `${formatInboundClient(client)}, ${place}: ${missing(rules, client)}`) };
  };

  return {
    authorize(client) {
      let verdict = known.get(client);
      if (!verdict) known.set(client, (verdict = decide(client)));
      return verdict;
    },
    explain: (client) => rules.map((rule) => trial(rule, client)),
  };
}

/** The decision as data, without a proxy: each authorization, and the part of it that rejected the client. */
export function explainAuthorization(
  policy: AuthorizerOptions,
  client: InboundClient,
): { readonly verdict: AuthorizationVerdict; readonly trials: readonly AuthorizationTrial[] } {
  const authorizer = createAuthorizer(policy);
  return { verdict: authorizer.authorize(client), trials: authorizer.explain(client) };
}

function trial({ rejects, verdict: { authorization } }: Compiled, client: InboundClient): AuthorizationTrial {
  const by = rejects(client);
  return { authorization, rejected: by && { by, sentence: formatRejection(authorization, by) } };
}

/** What the first authorizations want: a reason is one line. */
function missing(rules: readonly Compiled[], client: InboundClient): string {
  if (rules.length === 0) return 'there are no authorizations';
  const sentences = rules.slice(0, MAX_NAMED).map((rule) => trial(rule, client).rejected?.sentence ?? '');
  return `${sentences.join('; ')}${rules.length > MAX_NAMED ? `; and ${rules.length - MAX_NAMED} more` : ''}`;
}

const MAX_NAMED = 4;
