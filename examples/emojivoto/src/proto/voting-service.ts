// emojivoto.v1.VotingService: one vote method per emoji, and the results.
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { VOTABLE, voteMethod } from '../catalogue.ts';
import { messageType, unaryMethod } from './method.ts';

export interface VotingResult {
  readonly Shortcode?: string;
  readonly Votes?: number;
}

const root = new protobuf.Root();
const voteRequest = messageType(root, 'VoteRequest');
const voteResponse = messageType(root, 'VoteResponse');
const resultsRequest = messageType(root, 'ResultsRequest');
messageType(root, 'VotingResult', [
  ['Shortcode', 1, 'string'],
  ['Votes', 2, 'int32'],
]);
const resultsResponse = messageType(root, 'ResultsResponse', [['results', 1, 'VotingResult', 'repeated']]);

/** Vote method name → definition. */
export const voteMethods: ReadonlyMap<string, MethodDefinition<object, object>> = new Map(
  VOTABLE.map((shortcode) => [voteMethod(shortcode), unaryMethod<object, object>('VotingService', voteMethod(shortcode), voteRequest, voteResponse)]),
);

export const resultsMethod = unaryMethod<object, { results: readonly VotingResult[] }>('VotingService', 'Results', resultsRequest, resultsResponse);

export const votingRoot = root;
