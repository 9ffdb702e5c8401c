// A firewall rule as data: where it stands, what it matches, what it does, and the comment it is recognised by.

export type Match =
  | { readonly kind: 'tcp' }
  /** A `--dports` value of at most fifteen slots. Implies TCP. */
  | { readonly kind: 'tcp-ports'; readonly ports: string }
  | { readonly kind: 'tcp-port'; readonly port: number }
  | { readonly kind: 'source'; readonly cidr: string }
  | { readonly kind: 'uid'; readonly uid: number }
  | { readonly kind: 'gid'; readonly gid: number }
  | { readonly kind: 'out-interface'; readonly name: string }
  | { readonly kind: 'any' };

export type Target = { readonly kind: 'return' } | { readonly kind: 'redirect'; readonly port: number } | { readonly kind: 'jump'; readonly chain: string };

export interface Rule {
  readonly chain: string;
  readonly match: Match;
  readonly target: Target;
  /** Unique within a table; rendered as `proxy-init/<comment>`. */
  readonly comment: string;
}

/** Own chains with their rules in order, and the jumps that lead into them from the built-in chains. All in table nat. */
export interface RuleTable {
  readonly chains: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
  readonly jumps: readonly Rule[];
}
