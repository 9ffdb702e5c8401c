// The poll: votes per shortcode, in memory.
import type { VotingResult } from '../proto/voting-service.ts';

export interface Poll {
  vote(shortcode: string): void;
  /** Most votes first, equal counts by shortcode. */
  results(): readonly Required<VotingResult>[];
}

export function createPoll(): Poll {
  const votes = new Map<string, number>();
  return {
    vote: (shortcode) => void votes.set(shortcode, (votes.get(shortcode) ?? 0) + 1),
    results: () => [...votes].map(([Shortcode, Votes]) => ({ Shortcode, Votes })).sort((a, b) => b.Votes - a.Votes || (a.Shortcode < b.Shortcode ? -1 : 1)),
  };
}
