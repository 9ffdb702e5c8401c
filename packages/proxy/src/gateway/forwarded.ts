// The Forwarded header between gateways: who passed a request on, so that one that comes round is noticed. RFC 7239, spec/proxy.md §2.6.
import type { FieldList } from '@weft/http';

const FORWARDED = 'forwarded';

export interface Hop {
  /** Identity of this proxy. */
  readonly by: string;
  /** Identity of the client. */
  readonly for: string;
  /** Authority of the target. */
  readonly host: string;
}

/** Added as a line of its own, after those that are there. */
export function appendForwarded(headers: FieldList, hop: Hop): void {
  headers.push(FORWARDED, `by=${hop.by};for=${hop.for};host=${hop.host};proto=https`);
}

/** Whether a request has passed the proxy of this identity before. */
export function passedBy(headers: FieldList, identity: string): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === FORWARDED && elements(headers[i + 1] as string).some((by) => by === identity)) return true;
  }
  return false;
}

/** One parameter: a token, and a token or quoted string; identities that are URIs may stand without quotes. */
const PARAMETER = /\s*([^\s=;,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*(?=[;,]|$)/gy;

/** The `by` of each element, as far as the line can be read. */
function elements(line: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < line.length; ) {
    PARAMETER.lastIndex = at;
    const parameter = PARAMETER.exec(line);
    if (parameter) {
      const [, name = '', quoted, plain = ''] = parameter;
      if (name.toLowerCase() === 'by') found.push(quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1'));
      at = PARAMETER.lastIndex + 1;
      continue;
    }
    const next = line.slice(at).search(/[;,]/);
    if (next < 0) break;
    at += next + 1;
  }
  return found;
}
