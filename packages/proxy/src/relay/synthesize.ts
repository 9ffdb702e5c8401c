// Responses that the proxy makes itself: which status a reason has, and how it is written. spec/proxy.md §4.6.
import { formatReason, INTERNAL_ERROR, type Reason, type ReasonCode, type RefusalAnswer, refusalAnswer } from '@weft/core';
import { type Exchange, type FieldList, field, type LocalResponse, type RequestHead } from '@weft/http';

interface Answer extends RefusalAnswer {
  readonly location?: string;
  /** In place of the reason. */
  readonly message?: string;
}

/** Who answers: the sides differ in what they tell, spec/proxy.md §4.6, second table. */
export type AnsweringSide = 'inbound' | 'outbound' | 'admin';

/** The admin listener has no other words than these. */
const ADMIN_CODES: ReadonlySet<ReasonCode> = new Set(['ROUTE_NOT_FOUND', 'UNAUTHORIZED', 'REQUEST_INVALID']);

export function isGrpcRequest(request: RequestHead): boolean {
  return request.version === '2' && field(request.headers, 'content-type')?.startsWith('application/grpc') === true;
}

/** `informational`: whether the client may see why (`l5d-proxy-error`, `l5d-proxy-connection`, `grpc-message`). */
export function synthesize(exchange: Exchange, why: Reason, informational: boolean, side: AnsweringSide = 'outbound'): void {
  exchange.respond(localResponse(exchange.request, why, informational, side));
}

export function localResponse(request: RequestHead, why: Reason, informational: boolean, side: AnsweringSide = 'outbound'): LocalResponse {
  const answer = answerOf(why, side);
  const { status, close } = answer;
  const headers: FieldList = [];
  const grpc = isGrpcRequest(request);
  if (grpc) headers.push('content-type', 'application/grpc', 'grpc-status', String(answer.grpcStatus));
  if (informational) {
    if (grpc) headers.push('grpc-message', grpcMessage(why, answer));
    headers.push('l5d-proxy-error', headerText(messageOf(why)));
    if (close) headers.push('l5d-proxy-connection', 'close');
  }
  if (!grpc && answer.location !== undefined) headers.push('location', answer.location);
  return { status: grpc ? 200 : status, headers, close };
}

/** What ends a gRPC response that the proxy cuts short. */
export function localTrailers(why: Reason, informational: boolean, side: AnsweringSide = 'outbound'): FieldList {
  return trailersOf(answerOf(why, side), why, informational);
}

/** What ends one that broke: to its client that is an internal error, whatever the reason. */
export function brokenTrailers(why: Reason, informational: boolean): FieldList {
  return trailersOf(INTERNAL_ERROR, why, informational);
}

function trailersOf(answer: Answer, why: Reason, informational: boolean): FieldList {
  const trailers: FieldList = ['grpc-status', String(answer.grpcStatus)];
  if (informational) trailers.push('grpc-message', grpcMessage(why, answer));
  return trailers;
}

/** Failures that a route injects are only outbound what the policy says; inbound they are internal errors, as in Linkerd. */
function answerOf(why: Reason, side: AnsweringSide): Answer {
  if (side === 'admin' && !ADMIN_CODES.has(why.code)) return INTERNAL_ERROR;
  const { answer } = why;
  if (answer?.kind === 'redirect') return { status: answer.status, grpcStatus: 5, close: false, location: answer.location };
  if (answer && side === 'inbound') return INTERNAL_ERROR;
  if (answer?.kind === 'http-failure') return { status: answer.status, grpcStatus: 9, close: false, message: answer.message };
  if (answer?.kind === 'grpc-failure') return { status: 200, grpcStatus: answer.code, close: false, message: answer.message };
  return refusalAnswer(why.code);
}

function messageOf(why: Reason): string {
  return `${why.code}: ${formatReason(why)}`;
}

/** What a policy gave as message is the application's to read, and nothing is added to it. */
function grpcMessage(why: Reason, { message }: Answer): string {
  return percentEncoded(message ?? messageOf(why));
}

/** What cannot stand in a header is not shown at all. */
function headerText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : 'unexpected error';
}

/** gRPC over HTTP/2, "Status-Message": UTF-8, and what is not plain ASCII in percent. */
function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    encoded += byte < 0x20 || byte > 0x7e || byte === 0x25 ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}` : String.fromCharCode(byte);
  }
  return encoded;
}
