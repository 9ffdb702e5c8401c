// Header fields that belong to one connection and are not relayed (spec/proxy.md §4.3, RFC 9110 §7.6.1).
import { type FieldList, field, removeField } from '../exchange/head.ts';

/** Removes `connection`, every field it names, `upgrade`, `proxy-connection` and `keep-alive`. Framing stays. */
export function stripHopByHop(headers: FieldList): void {
  for (const name of connectionTokens(headers)) if (!FRAMING.has(name)) removeField(headers, name);
  for (const name of HOP_BY_HOP) removeField(headers, name);
}

/** What HTTP/2 forbids: the connection's fields, transfer-encoding, and `te` other than `trailers` (RFC 9113 §8.2.2). */
export function stripForHttp2(headers: FieldList): void {
  stripHopByHop(headers);
  removeField(headers, 'transfer-encoding');
  removeField(headers, 'http2-settings');
  const te = field(headers, 'te');
  if (te === undefined || te.trim().toLowerCase() === 'trailers') return;
  const trailers = te.split(',').some((coding) => coding.trim().toLowerCase() === 'trailers');
  removeField(headers, 'te');
  if (trailers) headers.push('te', 'trailers');
}

/** Lower-case tokens of all `connection` fields. */
export function connectionTokens(headers: FieldList): string[] {
  const tokens: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'connection') continue;
    for (const token of (headers[i + 1] as string).split(',')) {
      const name = token.trim().toLowerCase();
      if (name !== '') tokens.push(name);
    }
  }
  return tokens;
}

const HOP_BY_HOP = ['connection', 'upgrade', 'proxy-connection', 'keep-alive'];

/** Naming these in `connection` must not change where a message ends or whom it is for. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host']);
