// The first line of a message and the four forms of a request target: RFC 9112 §3, §4; spec/proxy.md §4.3.
import type { HttpVersion, TargetForm } from '../exchange/head.ts';
import { H1Error } from './h1-error.ts';

export interface RequestLine {
  readonly method: string;
  readonly version: '1.0' | '1.1';
  readonly form: TargetForm;
  /** Path and query; `*` for asterisk form, empty for authority form. */
  readonly path: string;
  readonly scheme: string | undefined;
  /** Of the target itself; undefined in origin and asterisk form. */
  readonly authority: string | undefined;
}

export interface StatusLine {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  readonly reason: string;
}

const REQUEST = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
const STATUS = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
/** Host with an optional port, and nothing that could be read as another part of a URI. */
const AUTHORITY = /^[\x21\x24-\x2e\x30-\x3b\x3d\x41-\x5b\x5d\x5f\x61-\x7a\x7e%]+$/;
const ABSOLUTE = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]+)([^#]*)$/;

/** The line without its CRLF, latin1. Throws `H1Error`. */
export function parseRequestLine(line: string): RequestLine {
  const match = REQUEST.exec(line);
  if (match === null) throw new H1Error(faultOfRequestLine(line), `invalid request line: ${JSON.stringify(line.slice(0, 200))}`);
  const [, method = '', target = '', minor] = match;
  const version = minor === '0' ? '1.0' : '1.1';
  const parsed = parseTarget(method, target, version);
  if (parsed === undefined) throw new H1Error('TARGET', `invalid target of ${method}: ${target.slice(0, 200)}`);
  return { method, version, form: parsed.form, path: parsed.path, scheme: parsed.scheme, authority: parsed.authority };
}

/** The line without its CRLF, latin1. Throws `H1Error`. */
export function parseStatusLine(line: string): StatusLine {
  const match = STATUS.exec(line);
  if (match === null) throw new H1Error('STATUS', `invalid status line: ${JSON.stringify(line.slice(0, 200))}`);
  return { version: match[1] === '0' ? '1.0' : '1.1', status: Number(match[2]), reason: match[3] ?? '' };
}

/** The version that a refused request line asks for, as far as it can be told. */
export function versionOf(line: string): HttpVersion {
  return line.endsWith('HTTP/1.0') ? '1.0' : '1.1';
}

function faultOfRequestLine(line: string): 'METHOD' | 'TARGET' | 'VERSION' {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ /.test(line)) return 'METHOD';
  return / HTTP\/1\.[01]$/.test(line) ? 'TARGET' : 'VERSION';
}

interface Target {
  readonly form: TargetForm;
  readonly path: string;
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
}

function parseTarget(method: string, target: string, version: '1.0' | '1.1'): Target | undefined {
  if (method === 'CONNECT') {
    if (version !== '1.1' || target === '*' || !AUTHORITY.test(target)) return undefined;
    return { form: 'authority', path: '', scheme: undefined, authority: target };
  }
  if (target.startsWith('/')) return target.includes('#') ? undefined : { form: 'origin', path: target, scheme: undefined, authority: undefined };
  if (target === '*') return { form: 'asterisk', path: '*', scheme: undefined, authority: undefined };
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) return undefined;
  const [, scheme = '', authority = '', rest = ''] = absolute;
  if (!AUTHORITY.test(authority)) return undefined;
  return { form: 'absolute', path: rest.startsWith('/') ? rest : `/${rest}`, scheme: scheme.toLowerCase(), authority };
}
