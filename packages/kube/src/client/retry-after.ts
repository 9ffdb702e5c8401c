// When to ask again: Retry-After as seconds or a date, RFC 9110 §10.2.3; the waiting times of retried calls.

/** Undefined where there is none that can be read. Never negative, never more than a day. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const wait = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(wait) ? undefined : Math.min(86_400_000, Math.max(0, wait));
}
