// When to ask for the next certificate. spec/proxy.md §3.3.

export interface RefreshBounds {
  readonly minRefreshMs: number;
  readonly maxRefreshMs: number;
}

/** Seven tenths of what is left, within the bounds. Before the first certificate (expiry 0) that is the shortest delay. */
export function refreshDelayMs(expiresAt: number, now: number, bounds: RefreshBounds): number {
  return Math.min(bounds.maxRefreshMs, Math.max(bounds.minRefreshMs, 0.7 * (expiresAt - now)));
}
