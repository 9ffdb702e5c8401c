// The header rules that every engine shares start here: what a head becomes for its upstream, and a response for its client
// (spec/proxy.md §4.1, §4.2).
import type { ForwardRules } from '../exchange/engine.ts';
import { field, type RequestHead, type ResponseHead, removeField, setField } from '../exchange/head.ts';
import { askForBytes, type Switch } from './connect.ts';
import { stripForHttp2 } from './hop-by-hop.ts';
import { decodeRequest, encodeRequest, encodeResponse, joinCookies, restoreResponse } from './orig-proto.ts';

export interface Translation {
  readonly head: RequestHead;
  readonly oneOff: boolean;
  /** The exchange goes on as bytes if the upstream agrees, though its client speaks HTTP/2; else null. */
  readonly bytes: Switch | null;
  /** Turns the upstream's head into one for the client. */
  readonly restore: (head: ResponseHead) => void;
}

/** The caller's head stays as it was: it answers for the exchange if forwarding fails. */
export function translateRequest(request: RequestHead, rules: ForwardRules, version: 'http/1' | 'http/2'): Translation {
  const connect = request.version === '2' && request.method === 'CONNECT' && version === 'http/1';
  const head: RequestHead = { ...request, headers: request.headers.slice(), ...(connect && { upgrade: true }) };
  const decoded = rules.origProto === 'decode' && decodeRequest(head);
  const oneOff = head.version === '1.0' || (head.version === '1.1' && !field(head.headers, 'host'));
  if (rules.authorityOverride !== undefined) {
    head.authority = rules.authorityOverride;
    removeField(head.headers, 'host');
    removeField(head.headers, 'l5d-dst-canonical');
  }
  rules.request?.(head);
  const encoded = rules.origProto === 'encode' && version === 'http/2' && head.version !== '2' && !head.upgrade;
  if (encoded) encodeRequest(head);
  else if (version === 'http/2') toHttp2(head);
  else toHttp1(head, rules.authorityOverride !== undefined);
  const bytes = connect ? askForBytes(head) : null;
  const restore = (response: ResponseHead): void => {
    if (decoded) encodeResponse(response);
    else if (encoded) restoreResponse(response, request.version);
    else if (request.version === '2') fitHttp2(response);
    else if (response.version === '2') response.version = request.version;
  };
  return { head, oneOff, bytes, restore };
}

function toHttp2(head: RequestHead): void {
  if (head.version === '2') return;
  stripForHttp2(head.headers);
  if (head.authority !== undefined) removeField(head.headers, 'host');
  head.version = '2';
}

function toHttp1(head: RequestHead, overridden: boolean): void {
  const native = head.version === '2';
  if (native) {
    head.version = '1.1';
    if (head.form !== 'asterisk') head.form = 'origin';
    joinCookies(head.headers);
  }
  if (head.authority === undefined || head.form === 'authority') return;
  // A Host that differs from an absolute target stays as it is; HTTP/2's authority and an override replace it (RFC 9113 §8.3.1).
  if (native || overridden) setField(head.headers, 'host', head.authority);
  else if (head.form === 'absolute' && field(head.headers, 'host') === undefined) head.headers.push('host', head.authority);
}

function fitHttp2(head: ResponseHead): void {
  if (head.version !== '2') stripForHttp2(head.headers);
  head.version = '2';
}
