// Decisions explained: what would happen to a hypothetical request under a policy, and which part of the policy says so. The same
// predicates that route and authorize requests are asked here; nothing is decided a second time in another way.
// Example: explainOutbound({ policy }, { protocol: 'http/1', request: { method: 'GET', path: '/', authority: 'web', headers: [] } }).verdict;
export type { BackendState, Surroundings } from './distribution-verdict.ts';
export { explainReason, refused } from './explain-filters.ts';
export { explainInbound, type InboundQuestion } from './explain-inbound.ts';
export { takeRequiredIdentity } from './explain-options.ts';
export { explainOutbound, type OutboundQuestion } from './explain-outbound.ts';
export type {
  AuthorizationExplanation,
  BackendExplanation,
  CandidateExplanation,
  FilterExplanation,
  InboundExplanation,
  OutboundExplanation,
  Precedence,
  ReasonExplanation,
  Verdict,
} from './explanation.ts';
