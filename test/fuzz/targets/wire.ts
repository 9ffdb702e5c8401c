// The linkerd2-proxy-api: decoders refuse with a plain error, converters with ConvertError only; what was understood
// survives the way over the wire and back.
import type { EndpointSet } from '@weft/core';
import {
  applyUpdate,
  ConvertError,
  clientPolicyFromWire,
  clientPolicyToWire,
  codecOf,
  diffToUpdates,
  endpointFromWire,
  endpointToWire,
  type MessageName,
  type MessageTypes,
  profileFromWire,
  profileToWire,
  serverPolicyFromWire,
  serverPolicyToWire,
} from '@weft/wire';
import fc from 'fast-check';
import { endpoint, profile } from '../../../packages/wire/test/arbitrary-basics.ts';
import { clientPolicy, serverPolicy } from '../../../packages/wire/test/arbitrary-policy.ts';
import { protobufMutator } from '../mutate-protobuf.ts';
import { sameData } from '../same-data.ts';
import { attempt, type FuzzTarget, hold, kindOf, raw } from '../target.ts';

const tokens = raw(
  '\x08\x01',
  '\x0a\0',
  '\x0a\x02',
  '\x12',
  '\x80\x80\x80\x80\x10',
  '\xff\xff\xff\xff\x0f',
  '\x0b',
  '\x0c',
  'web.ns.svc.cluster.local:80',
  '__proto__',
);

/** A plain error about the bytes: out of range, wrong wire type, too deep, text that is not UTF-8. */
function isRefusal(error: unknown): error is Error {
  if (!(error instanceof Error) || /call stack/i.test(error.message)) return false;
  return !(error instanceof TypeError) || ('code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA');
}

/** The message; a string names why there is none. */
function decoded<N extends MessageName>(name: N, input: Buffer): MessageTypes[N] | string {
  const codec = codecOf(name);
  let message: MessageTypes[N];
  try {
    message = codec.decode(input);
  } catch (error) {
    hold(isRefusal(error), `the decoder throws ${String(error)}`);
    return `no message: ${kindOf(error)}`;
  }
  const bytes = codec.encode(message);
  hold(codec.encode(codec.decode(bytes)).equals(bytes), 'the message reads back differently');
  return message;
}

interface Conversion<N extends MessageName, T> {
  readonly name: N;
  readonly sample: fc.Arbitrary<T>;
  readonly from: (message: MessageTypes[N]) => T;
  readonly to: (value: T) => MessageTypes[N];
}

function converterTarget<N extends MessageName, T>({ name, sample, from, to }: Conversion<N, T>): FuzzTarget {
  return {
    name: `wire-${name.toLowerCase().replaceAll('.', '-')}`,
    tokens,
    mutator: protobufMutator,
    seeds: () => fc.sample(sample, { seed: 1, numRuns: 12 }).map((value) => codecOf(name).encode(to(value))),
    run(input) {
      const message = decoded(name, input);
      if (typeof message === 'string') return message;
      const understood = attempt(() => from(message), ConvertError);
      if ('error' in understood) return `${understood.error.code} ${understood.error.path.replace(/[0-9]+/g, '0')}`;
      const sent = attempt(() => to(understood.value), ConvertError);
      if ('error' in sent) return `cannot be sent: ${sent.error.code} ${sent.error.path.replace(/[0-9]+/g, '0')}`;
      hold(sameData(from(codecOf(name).decode(codecOf(name).encode(sent.value))), understood.value), 'the value comes back differently');
      return 'understood';
    },
  };
}

const update: FuzzTarget = {
  name: 'wire-destination-update',
  tokens,
  mutator: protobufMutator,
  seeds() {
    const sets: EndpointSet[] = fc.sample(fc.array(endpoint, { maxLength: 4 }), { seed: 2, numRuns: 12 });
    return sets.flatMap((set, index) => diffToUpdates(sets[index - 1] ?? [], set)).map((message) => codecOf('destination.Update').encode(message));
  },
  run(input) {
    const message = decoded('destination.Update', input);
    if (typeof message === 'string') return message;
    const first = applyUpdate([], message, true);
    if (first.kind !== 'endpoints') return first.kind;
    const again = applyUpdate(first.endpoints, message, false);
    hold(again.kind === 'endpoints' && again.endpoints === first.endpoints, 'the same update twice changes the set');
    const sent = diffToUpdates([], first.endpoints).map((one) => codecOf('destination.Update').decode(codecOf('destination.Update').encode(one)));
    let set: EndpointSet = [];
    for (const [index, one] of sent.entries()) {
      const applied = applyUpdate(set, one, index === 0);
      if (applied.kind === 'endpoints') set = applied.endpoints;
    }
    hold(sameData(set, first.endpoints), 'the set comes back differently');
    return `endpoints ${Math.min(set.length, 3)}`;
  },
};

/** No converter: the codec alone. */
const tap: FuzzTarget = {
  name: 'wire-tap-observerequest',
  tokens,
  mutator: protobufMutator,
  seeds: () => [
    codecOf('tap.ObserveRequest').encode({
      limit: 10,
      match: { all: { matches: [{ destination: {} }, { not: { any: { matches: [] } } }] } },
      extract: { http: { headers: {} } },
    }),
  ],
  run(input) {
    const message = decoded('tap.ObserveRequest', input);
    return typeof message === 'string' ? message : Object.keys(message).join(' ');
  },
};

export const wireTargets = [
  update,
  converterTarget({ name: 'destination.WeightedAddr', sample: endpoint, from: (message) => endpointFromWire(message), to: (value) => endpointToWire(value) }),
  converterTarget({ name: 'destination.DestinationProfile', sample: profile, from: profileFromWire, to: profileToWire }),
  converterTarget({ name: 'inbound.Server', sample: serverPolicy, from: serverPolicyFromWire, to: serverPolicyToWire }),
  converterTarget({ name: 'outbound.OutboundPolicy', sample: clientPolicy, from: clientPolicyFromWire, to: clientPolicyToWire }),
  tap,
];
