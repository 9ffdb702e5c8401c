// Which requests an observer wants to see. A match that is empty or asks for what cannot be is refused. spec/proxy.md §9.5.
import { assertNever, parseNetwork, type TapAddressMatch, type TapMatch } from '@weft/core';
import type {
  TapObserveRequestMatch,
  TapObserveRequestMatchHttp,
  TapObserveRequestMatchHttpStringMatch,
  TapObserveRequestMatchLabel,
  TapObserveRequestMatchTcp,
  TapObserveRequestMatchTcpNetmask,
  TapObserveRequestMatchTcpPortRange,
} from '../gen/messages.ts';
import { ipFromWire, ipToWire } from './address.ts';
import { ConvertError } from './convert-error.ts';
import { methodFromWire, methodToWire, schemeFromWire, schemeToWire } from './http-types.ts';
import { join, portFromWire, required, type Wire } from './path.ts';

/** Conditions within one match; each is looked at for every request. */
const MAX_CONDITIONS = 1_000;
const MAX_DEPTH = 64;

/** Throws a ConvertError that names the place. */
export function tapMatchFromWire(wire: Wire<TapObserveRequestMatch>): TapMatch {
  return new MatchReader().read(required(wire, 'match'), 'match', 0);
}

class MatchReader {
  #left = MAX_CONDITIONS;

  read(wire: TapObserveRequestMatch, at: string, depth: number): TapMatch {
    if (depth > MAX_DEPTH) throw new ConvertError('VALUE_INVALID', at, `deeper than ${MAX_DEPTH} levels`);
    if (--this.#left < 0) throw new ConvertError('VALUE_INVALID', at, `more than ${MAX_CONDITIONS} conditions`);
    const { all, any, not, source, destination, destinationLabel, routeLabel, http } = wire;
    if (all) return { kind: 'all', matches: this.#list(all.matches, join(at, 'all'), depth) };
    if (any) return { kind: 'any', matches: this.#list(any.matches, join(at, 'any'), depth) };
    if (not) return { kind: 'not', match: this.read(not, join(at, 'not'), depth + 1) };
    if (source) return { kind: 'source', address: addressFromWire(source, join(at, 'source')) };
    if (destination) return { kind: 'destination', address: addressFromWire(destination, join(at, 'destination')) };
    if (destinationLabel) return { kind: 'destination-label', ...labelFromWire(destinationLabel, join(at, 'destination_label')) };
    if (routeLabel) return { kind: 'route-label', ...labelFromWire(routeLabel, join(at, 'route_label')) };
    if (http) return httpFromWire(http, join(at, 'http'));
    throw new ConvertError('KIND_UNKNOWN', at);
  }

  /** Empty members say nothing. */
  #list(matches: readonly TapObserveRequestMatch[] | undefined, at: string, depth: number): TapMatch[] {
    return (matches ?? []).flatMap((match, index) => (isEmpty(match) ? [] : [this.read(match, `${at}.matches[${index}]`, depth + 1)]));
  }
}

function isEmpty(match: TapObserveRequestMatch): boolean {
  return Object.values(match).every((value) => value === null || value === undefined);
}

function addressFromWire({ netmask, ports }: TapObserveRequestMatchTcp, at: string): TapAddressMatch {
  if (netmask) return networkFromMask(netmask, join(at, 'netmask'));
  if (ports) return portsFromWire(ports, join(at, 'ports'));
  throw new ConvertError('KIND_UNKNOWN', at);
}

function networkFromMask({ ip, mask = 0 }: TapObserveRequestMatchTcpNetmask, at: string): TapAddressMatch {
  if (mask === 0) throw new ConvertError('FIELD_MISSING', join(at, 'mask'));
  const address = ipFromWire(ip, join(at, 'ip'));
  const network = parseNetwork(`${address}/${mask}`);
  if (!network) throw new ConvertError('VALUE_INVALID', join(at, 'mask'), mask);
  return { kind: 'network', network };
}

/** A bound that is left out is the same as the other. */
function portsFromWire({ min = 0, max = 0 }: TapObserveRequestMatchTcpPortRange, at: string): TapAddressMatch {
  const first = portFromWire(min === 0 ? max : min, join(at, 'min'));
  const last = portFromWire(max === 0 ? min : max, join(at, 'max'));
  if (first === 0) throw new ConvertError('FIELD_MISSING', at);
  if (first > last) throw new ConvertError('VALUE_INVALID', at, `${first}-${last}`);
  return { kind: 'ports', first, last };
}

function labelFromWire({ key = '', value = '' }: TapObserveRequestMatchLabel, at: string): { readonly key: string; readonly value: string } {
  if (key === '') throw new ConvertError('FIELD_MISSING', join(at, 'key'));
  if (value === '') throw new ConvertError('FIELD_MISSING', join(at, 'value'));
  return { key, value };
}

function httpFromWire({ scheme, method, authority, path }: TapObserveRequestMatchHttp, at: string): TapMatch {
  if (scheme) return { kind: 'scheme', value: schemeFromWire(scheme, join(at, 'scheme')) };
  if (method) return { kind: 'method', value: methodFromWire(method, join(at, 'method')) };
  if (authority) return { kind: 'authority', text: textFromWire(authority, join(at, 'authority')) };
  if (path) return { kind: 'path', text: textFromWire(path, join(at, 'path')) };
  throw new ConvertError('KIND_UNKNOWN', at);
}

type Text = Extract<TapMatch, { readonly text: unknown }>['text'];

function textFromWire({ exact, prefix }: TapObserveRequestMatchHttpStringMatch, at: string): Text {
  if (typeof exact === 'string') return { kind: 'exact', value: exact };
  if (typeof prefix === 'string') return { kind: 'prefix', value: prefix };
  throw new ConvertError('KIND_UNKNOWN', at);
}

/** What an observer asks with. */
export function tapMatchToWire(match: TapMatch): TapObserveRequestMatch {
  switch (match.kind) {
    case 'all':
      return { all: { matches: match.matches.map(tapMatchToWire) } };
    case 'any':
      return { any: { matches: match.matches.map(tapMatchToWire) } };
    case 'not':
      return { not: tapMatchToWire(match.match) };
    case 'source':
      return { source: addressToWire(match.address) };
    case 'destination':
      return { destination: addressToWire(match.address) };
    case 'destination-label':
      return { destinationLabel: { key: match.key, value: match.value } };
    case 'route-label':
      return { routeLabel: { key: match.key, value: match.value } };
    case 'scheme':
      return { http: { scheme: schemeToWire(match.value) } };
    case 'method':
      return { http: { method: methodToWire(match.value) } };
    case 'authority':
      return { http: { authority: textToWire(match.text) } };
    case 'path':
      return { http: { path: textToWire(match.text) } };
    default:
      return assertNever(match);
  }
}

function addressToWire(match: TapAddressMatch): TapObserveRequestMatchTcp {
  if (match.kind === 'ports') return { ports: { min: match.first, max: match.last } };
  return { netmask: { ip: ipToWire(match.network.ip), mask: match.network.prefix } };
}

function textToWire({ kind, value }: Text): TapObserveRequestMatchHttpStringMatch {
  return kind === 'exact' ? { exact: value } : { prefix: value };
}
