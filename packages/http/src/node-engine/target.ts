// The request target of HTTP/1: its four forms (RFC 9112 §3.2) and the ones that are refused with 400 (spec/proxy.md §4.3).
import { type FieldList, field, type HttpVersion, type TargetForm } from '../exchange/head.ts';

export interface Target {
  readonly form: TargetForm;
  readonly path: string;
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
}

/** Whether `transfer-encoding` says where the body ends; if not, the request is refused (RFC 9112 §6.1, §6.3). */
export function hasSoundFraming(version: HttpVersion, headers: FieldList): boolean {
  const codings = headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === 'transfer-encoding').join(',');
  if (codings === '') return true;
  const last = codings.slice(codings.lastIndexOf(',') + 1);
  return version === '1.1' && last.trim().toLowerCase() === 'chunked';
}

/** undefined: answer 400. */
export function parseTarget(method: string, target: string, version: HttpVersion, headers: FieldList): Target | undefined {
  if (hosts(headers) > 1) return undefined;
  const host = field(headers, 'host') || undefined;
  if (method === 'CONNECT') {
    if (version !== '1.1' || !AUTHORITY.test(target)) return undefined;
    return { form: 'authority', path: '', scheme: undefined, authority: target };
  }
  if (target.startsWith('/')) return { form: 'origin', path: target, scheme: undefined, authority: host };
  if (target === '*') return { form: 'asterisk', path: '*', scheme: undefined, authority: host };
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) return undefined;
  const [, scheme = '', authority = '', rest = ''] = absolute;
  return { form: 'absolute', path: rest.startsWith('/') ? rest : `/${rest}`, scheme: scheme.toLowerCase(), authority };
}

const AUTHORITY = /^[^/?#*\s]+$/;
const ABSOLUTE = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]+)(.*)$/;

function hosts(headers: FieldList): number {
  let count = 0;
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === 'host') count += 1;
  return count;
}
