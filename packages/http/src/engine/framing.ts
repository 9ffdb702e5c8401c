// How the body of an HTTP/1 message ends on its next hop, and what its head says about it: RFC 9112 §6, §9.
import { type FieldList, field, type ResponseHead, removeField } from '../exchange/head.ts';
import { connectionTokens, Framing } from '../h1/head-facts.ts';

/** Decides the framing of a message with a body and makes the head say so. */
export function frameBody(headers: FieldList, canChunk: boolean): number {
  let length = false;
  let coding = false;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'content-length') length = true;
    else if (headers[i] === 'transfer-encoding') coding = true;
  }
  if (length && !coding) return Framing.length;
  if (!canChunk) {
    if (coding) removeField(headers, 'transfer-encoding');
    return Framing.close;
  }
  if (!coding) headers.push('transfer-encoding', 'chunked');
  if (length) removeField(headers, 'content-length');
  return Framing.chunked;
}

export function contentLength(headers: FieldList): number {
  return Number(field(headers, 'content-length') ?? 0);
}

/** Takes `connection` out; whether it asked for the connection to be closed. */
export function takeClose(headers: FieldList): boolean {
  let close = false;
  let there = false;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'connection') continue;
    there = true;
    if (connectionTokens(headers[i + 1] as string).includes('close')) close = true;
  }
  if (there) removeField(headers, 'connection');
  return close;
}

/** Of a response: what it is framed by, which its head then says. */
export function frameResponse(head: ResponseHead, method: string, ended: boolean): number {
  const { headers, status } = head;
  if (status === 204 || status === 304 || method === 'HEAD') {
    if (status === 204 || head.version === '1.0') removeField(headers, 'transfer-encoding');
    return Framing.none;
  }
  if (!ended) return frameBody(headers, head.version === '1.1');
  removeField(headers, 'transfer-encoding');
  if (field(headers, 'content-length') === undefined) headers.push('content-length', '0');
  return Framing.length;
}
