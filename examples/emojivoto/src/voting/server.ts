// The voting service. `VoteDoughnut` fails on purpose: finding out why is what the demo is for.
import { type ServerUnaryCall, type sendUnaryData, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { VOTABLE, voteMethod } from '../catalogue.ts';
import { labelledCounter, startPrometheus } from '../prometheus.ts';
import { resultsMethod, type VotingResult, voteMethods } from '../proto/voting-service.ts';
import { type RunningServer, startRpcServer } from '../rpc.ts';
import { createPoll } from './poll.ts';

export interface VotingOptions {
  readonly grpcPort: number;
  readonly promPort: number;
  /** Address to listen on. Default 0.0.0.0: every interface. */
  readonly host?: string;
  /** Share of `VoteDoughnut` calls that fail, 0 – 1. Default 1: all of them. */
  readonly failureRate?: number;
  /** Added to every vote, in milliseconds. Default 0. */
  readonly delayMs?: number;
  /** Draws for `failureRate`. Default Math.random. */
  readonly random?: () => number;
}

export async function startVoting(options: VotingOptions): Promise<RunningServer & { readonly promPort: number }> {
  const { host = '0.0.0.0', failureRate = 1, delayMs = 0, random = Math.random } = options;
  const poll = createPoll();
  const votes = labelledCounter('emojivoto_votes_total', 'Votes counted, by emoji', 'emoji');
  const vote = (shortcode: string) => (_call: ServerUnaryCall<object, object>, done: sendUnaryData<object>) => {
    const answer = (): void => {
      if (shortcode === ':doughnut:' && random() < failureRate) return done({ code: status.UNKNOWN, details: 'ERROR' });
      poll.vote(shortcode);
      votes.inc(shortcode);
      done(null, {});
    };
    if (delayMs > 0) setTimeout(answer, delayMs);
    else answer();
  };
  const implementation: UntypedServiceImplementation = Object.fromEntries(VOTABLE.map((shortcode) => [voteMethod(shortcode), vote(shortcode)]));
  implementation['Results'] = (_call: ServerUnaryCall<object, object>, done: sendUnaryData<{ results: readonly VotingResult[] }>) =>
    done(null, { results: poll.results() });
  const grpc = await startRpcServer(options.grpcPort, host, [...voteMethods.values(), resultsMethod], implementation);
  const prom = await startPrometheus(options.promPort, host, [votes]);
  return { port: grpc.port, promPort: prom.port, close: async () => void (await Promise.all([grpc.close(), prom.close()])) };
}
