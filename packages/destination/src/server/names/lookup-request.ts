// What a lookup asks for: the path, and who asks. spec/control-plane.md §1.2.
import { canonicalIp, unmapIp } from '@weft/core';

export interface LookupPath {
  readonly host: string;
  /** 1 – 65535; 80 where the path has none. */
  readonly port: number;
}

/** Of a DNS name, in characters, with room for brackets and a port. */
const MAX_PATH = 253 + 8;
/** In characters: three names and what is around them. What clients send must not grow keys and labels without bound. */
const MAX_TOKEN = 1024;

/** Parses `host`, `host:port` and `[v6]:port`; undefined where the server answers InvalidArgument. */
export function parseLookupPath(path: string): LookupPath | undefined {
  if (path.length > MAX_PATH) return undefined;
  if (!path.includes(':')) return path === '' ? undefined : { host: path, port: 80 };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(path);
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port < 1 || port > 65535) return undefined;
  const host = match[1] === undefined ? (match[2] ?? '') : canonicalIp(match[1]);
  // A dual-stack socket of a client knows an IPv4 address as `::ffff:a.b.c.d`.
  return host === undefined ? undefined : { host: unmapIp(canonicalIp(host) ?? host), port };
}

/** Who asks: what the proxy's context token says. All optional. */
export interface LookupContext {
  readonly namespace: string;
  readonly nodeName: string;
  readonly pod: string;
}

const NOBODY: LookupContext = { namespace: '', nodeName: '', pod: '' };

/** JSON with `ns`, `nodeName`, `pod`, or the old form `ns:<namespace>`; anything else counts as empty. What is not JSON is told. */
export function parseContextToken(token: string, onProblem: (problem: string) => void = () => undefined): LookupContext {
  if (token.length > MAX_TOKEN) {
    onProblem(`it is longer than ${MAX_TOKEN} characters`);
    return NOBODY;
  }
  if (token.trim() === '') return NOBODY;
  const old = /^ns:([^:]+)$/.exec(token.trim());
  if (old) {
    onProblem('it has the old form ns:NAMESPACE');
    return { ...NOBODY, namespace: old[1] ?? '' };
  }
  try {
    const value: unknown = JSON.parse(token);
    if (typeof value !== 'object' || value === null) {
      onProblem('it is not an object');
      return NOBODY;
    }
    const text = (key: string): string => {
      const part = (value as Record<string, unknown>)[key];
      return typeof part === 'string' ? part : '';
    };
    return { namespace: text('ns'), nodeName: text('nodeName'), pod: text('pod') };
  } catch {
    onProblem('it is not JSON');
    return NOBODY;
  }
}
