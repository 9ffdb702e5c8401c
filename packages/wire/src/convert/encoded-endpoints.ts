// Updates of endpoint sets as bytes. An endpoint is serialised once, whatever messages it goes out in; so servers with many streams need not do it for each.
import type { Endpoint, SocketAddress } from '@weft/core';
import { codecOf } from '../codec.ts';
import { socketAddressToWire } from './address.ts';
import { endpointToWire } from './endpoint.ts';

type Labels = Readonly<Record<string, string>>;

/** Numbers of fields in destination.proto: of `Update.add`, and of `WeightedAddrSet.addrs`. */
const ADD_FIELD = 1;
const ADDRS_FIELD = 1;
const LENGTH_DELIMITED = 2;

export interface EndpointEncoder {
  /** One `add` for all endpoints whose labels of the set are the same. */
  add(endpoints: Iterable<Endpoint>): readonly Buffer[];
  remove(addresses: readonly SocketAddress[]): Buffer;
  noEndpoints(exists: boolean): Buffer;
}

interface Encoded {
  readonly bytes: Buffer;
  /** What it shares with its set, encoded as a set without addresses. */
  readonly set: Buffer;
  readonly setKey: string;
}

/** `setLabels`: names of labels that are sent with the set instead of each address. */
export function endpointEncoder(setLabels: readonly string[]): EndpointEncoder {
  const [update, set, address] = [codecOf('destination.Update'), codecOf('destination.WeightedAddrSet'), codecOf('destination.WeightedAddr')];
  const known = new WeakMap<Endpoint, Encoded>();
  const sets = new Map<string, Buffer>();

  const encode = (endpoint: Endpoint): Encoded => {
    let encoded = known.get(endpoint);
    if (!encoded) {
      const shared: Record<string, string> = {};
      const own: Record<string, string> = {};
      for (const [key, value] of Object.entries(endpoint.labels)) (setLabels.includes(key) ? shared : own)[key] = value;
      const setKey = JSON.stringify(setLabels.map((name) => shared[name] ?? null));
      encoded = { bytes: delimited(ADDRS_FIELD, address.encode(endpointToWire(endpoint, own))), set: setOf(setKey, shared), setKey };
      known.set(endpoint, encoded);
    }
    return encoded;
  };
  /** Few sets have many endpoints. The memory is dropped when it has grown, not kept for sets that are gone. */
  const setOf = (key: string, metricLabels: Labels): Buffer => {
    const bytes = sets.get(key) ?? set.encode({ metricLabels });
    if (sets.size >= 10_000) sets.clear();
    sets.set(key, bytes);
    return bytes;
  };

  return {
    add(endpoints) {
      const groups = new Map<string, Buffer[]>();
      for (const endpoint of endpoints) {
        const { bytes, set: shared, setKey } = encode(endpoint);
        const group = groups.get(setKey);
        if (group) group.push(bytes);
        else groups.set(setKey, [shared, bytes]);
      }
      // Parts of one message written after each other are one message: https://protobuf.dev/programming-guides/encoding/#last-one-wins
      return [...groups.values()].map((parts) => delimited(ADD_FIELD, Buffer.concat(parts)));
    },
    remove: (addresses) => update.encode({ remove: { addrs: addresses.map(socketAddressToWire) } }),
    noEndpoints: (exists) => update.encode({ noEndpoints: { exists } }),
  };
}

/** A field that holds a message: its key, its length, its bytes. */
function delimited(field: number, bytes: Buffer): Buffer {
  const head = [(field << 3) | LENGTH_DELIMITED];
  let rest = bytes.length;
  while (rest > 0x7f) {
    head.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  head.push(rest);
  return Buffer.concat([Buffer.from(head), bytes]);
}
