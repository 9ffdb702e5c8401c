// Methods, schemes and header lists. A header value is a byte string: one character per byte (latin1). spec/wire.md, encoding traps.
import { type HttpTypesHeaders, type HttpTypesHttpMethod, type HttpTypesScheme, HttpTypesHttpMethodRegistered as Method } from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { each, join, type Wire } from './path.ts';

const METHOD_NAMES = new Map<number, string>(Object.entries(Method).map(([name, number]) => [number, name]));
const METHOD_NUMBERS = new Map<string, number>(Object.entries(Method));
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const SCHEMES = ['http', 'https'] as const;

/** RFC 9110 §9.1; upper case. */
export function methodFromWire(wire: HttpTypesHttpMethod, at: string): string {
  const name = typeof wire.registered === 'number' ? METHOD_NAMES.get(wire.registered) : wire.unregistered;
  if (name === null || name === undefined) throw new ConvertError('KIND_UNKNOWN', join(at, 'type'), wire.registered);
  if (!TOKEN.test(name)) throw new ConvertError('VALUE_INVALID', join(at, 'unregistered'), name);
  return name;
}

export function methodToWire(method: string): HttpTypesHttpMethod {
  const registered = METHOD_NUMBERS.get(method);
  return registered === undefined ? { unregistered: method } : { registered };
}

/** Lower case, as in URIs (RFC 3986 §3.1). */
export function schemeFromWire(wire: HttpTypesScheme, at: string): string {
  const name = typeof wire.registered === 'number' ? SCHEMES[wire.registered] : wire.unregistered?.toLowerCase();
  if (name === undefined) throw new ConvertError('KIND_UNKNOWN', join(at, 'type'), wire.registered);
  if (!/^[a-z][a-z0-9+.-]*$/.test(name)) throw new ConvertError('VALUE_INVALID', join(at, 'unregistered'), name);
  return name;
}

export function schemeToWire(scheme: string): HttpTypesScheme {
  const registered = SCHEMES.findIndex((known) => known === scheme.toLowerCase());
  return registered < 0 ? { unregistered: scheme.toUpperCase() } : { registered };
}

/** RFC 9110 §5.1. */
export function headerNameFromWire(name: string | undefined, at: string): string {
  if (!TOKEN.test(name ?? '')) throw new ConvertError('VALUE_INVALID', at, name ?? '');
  return name ?? '';
}

/** Control characters other than the tab are refused (RFC 9110 §5.5). */
export function headerValueFromWire(bytes: Uint8Array | undefined, at: string): string {
  const value = Buffer.from(bytes ?? []).toString('latin1');
  if (bytes?.some((byte) => (byte < 0x20 && byte !== 0x09) || byte === 0x7f)) throw new ConvertError('VALUE_INVALID', at, value);
  return value;
}

/** Text with characters beyond latin1 can only be meant as text and is sent as UTF-8. */
export function headerValueToWire(value: string): Uint8Array {
  const isBytes = Array.from(value).every((char) => char.charCodeAt(0) <= 0xff);
  return Buffer.from(value, isBytes ? 'latin1' : 'utf8');
}

export function headersFromWire(wire: Wire<HttpTypesHeaders>, at: string): (readonly [name: string, value: string])[] {
  return each(wire?.headers, join(at, 'headers'), ({ name, value }, path) => [
    headerNameFromWire(name, join(path, 'name')),
    headerValueFromWire(value, join(path, 'value')),
  ]);
}

export function headersToWire(fields: readonly (readonly [name: string, value: string])[]): HttpTypesHeaders | undefined {
  if (fields.length === 0) return undefined;
  return { headers: fields.map(([name, value]) => ({ name, value: headerValueToWire(value) })) };
}
