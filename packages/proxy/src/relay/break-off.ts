// Ends a response whose head the client has already. spec/proxy.md §4.6.
import type { Reason } from '@weft/core';
import type { Exchange } from '@weft/http';
import { type AnsweringSide, isGrpcRequest, localTrailers } from './synthesize.ts';

/** RFC 9113 §7. */
const INTERNAL_ERROR = 2;

/** gRPC clients learn the reason as trailers where the engine can write them; for others the body is broken. */
export function breakOff(exchange: Exchange, why: Reason, informational: boolean, side: AnsweringSide = 'outbound'): void {
  if (exchange.cutShort && isGrpcRequest(exchange.request)) exchange.cutShort(localTrailers(why, informational, side));
  else exchange.reset(INTERNAL_ERROR);
}
