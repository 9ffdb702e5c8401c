// The last failures of an endpoint, for the reason of its ejection.
import type { ResponseClass } from '../classify/response-class.ts';

const KEPT = 5;

export class FailureLog {
  readonly #failures: { readonly response: ResponseClass; readonly status: number | undefined }[] = [];

  add(response: ResponseClass, status: number | undefined): void {
    if (this.#failures.length === KEPT) this.#failures.shift();
    this.#failures.push({ response, status });
  }

  clear(): void {
    this.#failures.length = 0;
  }

  last(): string {
    const newest = this.#failures.at(-1);
    return newest ? shown(newest.response, newest.status) : '';
  }

  /** `last: 503, grpc-status 14, h2(CANCEL)`, the oldest first. */
  all(): string {
    return `last: ${this.#failures.map(({ response, status }) => shown(response, status)).join(', ')}`;
  }
}

function shown({ error, grpcStatus }: ResponseClass, status: number | undefined): string {
  if (error !== undefined) return error;
  return grpcStatus === undefined ? String(status ?? 'no status') : `grpc-status ${grpcStatus}`;
}
