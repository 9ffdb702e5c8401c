// What is to be redirected: the flags of proxy-init as one object. spec/injector-cli.md §2.1.

export interface RedirectSettings {
  /** Inbound redirect target, 0 – 65535. */
  readonly incomingProxyPort: number;
  /** Outbound redirect target, 0 – 65535. */
  readonly outgoingProxyPort: number;
  /** Traffic of this user is not redirected. Used when above 0. */
  readonly proxyUid?: number | undefined;
  /** Traffic of this group is not redirected. Used when above 0. */
  readonly proxyGid?: number | undefined;
  /** Non-empty: only these inbound ports are redirected. Default: all. */
  readonly portsToRedirect?: readonly number[] | undefined;
  /** Ports or ranges `a-b` whose inbound traffic is left alone. */
  readonly inboundPortsToIgnore?: readonly string[] | undefined;
  /** Ports or ranges `a-b` whose outbound traffic is left alone. */
  readonly outboundPortsToIgnore?: readonly string[] | undefined;
  /** Source networks (CIDR) whose inbound traffic is left alone. */
  readonly subnetsToIgnore?: readonly string[] | undefined;
}

/** Every problem at once; `problems` holds one sentence each. */
export class InitError extends Error {
  override readonly name = 'InitError';
  readonly code: 'SETTINGS_INVALID' | 'COMMAND_FAILED' | 'FIREWALL_NOT_FOUND' | 'RULES_MISSING';
  readonly problems: readonly string[];

  constructor(code: InitError['code'], problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('; '), options);
    this.code = code;
    this.problems = problems;
  }
}
