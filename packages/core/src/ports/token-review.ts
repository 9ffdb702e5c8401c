// Token review as a port: who does this bearer token belong to.

export type TokenReviewResult =
  | { readonly kind: 'authenticated' /** Such as `system:serviceaccount:NS:SA`. */; readonly username: string }
  | { readonly kind: 'unauthenticated'; readonly message: string }
  /** The reviewer itself refused the review (its `status.error`). */
  | { readonly kind: 'error'; readonly message: string };

/** Called once per Certify. Throws only when the reviewer cannot be reached. */
export interface TokenReviewPort {
  review(token: string, audiences: readonly string[], signal?: AbortSignal): Promise<TokenReviewResult>;
}
