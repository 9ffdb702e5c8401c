// A configuration that cannot be used. The process prints every error and exits with 64 (EX_USAGE). spec/proxy.md §1.2.

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** One line each, with the offending value. */
  readonly errors: readonly string[];

  constructor(errors: readonly string[], options?: ErrorOptions) {
    super(errors.join('; '), options);
    this.errors = errors;
  }
}
