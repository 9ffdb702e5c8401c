// TokenReview as core's port: who a bearer token belongs to. authentication.k8s.io/v1.
import type { TokenReviewPort } from '@weft/core';
import type { KubeClient } from './kube-client.ts';

export function tokenReviewer(client: KubeClient): TokenReviewPort {
  return {
    async review(token, audiences, signal) {
      const status = await client.tokenReview(token, audiences, signal ? { signal } : {});
      if (status.error !== undefined && status.error !== '') return { kind: 'error', message: status.error };
      if (status.authenticated !== true) return { kind: 'unauthenticated', message: 'the token is not valid' };
      // An authenticator that knows nothing of audiences answers without any: the API says not to trust it then.
      if (audiences.length > 0 && !(status.audiences ?? []).some((audience) => audiences.includes(audience))) {
        return { kind: 'unauthenticated', message: `the token is not meant for ${audiences.join(', ')}` };
      }
      const username = status.user?.username;
      return username === undefined || username === '' ? { kind: 'error', message: 'the review names no user' } : { kind: 'authenticated', username };
    },
  };
}
