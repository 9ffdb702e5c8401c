// Live `Get` streams over a few Services whose endpoints come and go while something is wrong, and what must hold of each of them throughout:
// never an empty set, no endpoint taken away that stays, in the end exactly what there is.
import type { EndpointSet } from '@weft/core';
import { type KubeClient, podKind } from '@weft/kube';
import { applyUpdate } from '@weft/wire';
import { expect } from 'vitest';
import { endpointOf, type TestNamespace } from './cluster.ts';
import type { Controller } from './controller.ts';
import { questions } from './destination-scene.ts';
import { addressesOf, type EndpointStream } from './stream.ts';

export interface SteadyStreams {
  /** Replaces in each Service the endpoint that does not stay by a new pod. Resolves when the API server has taken it. */
  change(): Promise<void>;
  /** Resolves when each stream has exactly what there is. */
  settled(): Promise<void>;
  /** Asks anew for everything; resolves when each answer is what was there before the last `changes` changes. */
  served(changes?: number): Promise<void>;
  /** Of every stream that was ever opened. */
  verify(): void;
}

const SERVICES = ['web', 'db', 'cache'];
const PORT = 8080;

interface State {
  readonly service: string;
  readonly index: number;
  /** Addresses that stay. */
  readonly anchors: readonly string[];
  /** The one that does not, as it was and is. */
  readonly passing: string[];
}

/** The Services, two endpoints of each that stay and one that does not, and two streams for each. */
export async function steadyStreams(client: KubeClient, ns: TestNamespace, destination: Controller): Promise<SteadyStreams> {
  const streams: { readonly stream: EndpointStream; readonly state: State }[] = [];
  const addressOf = ({ index }: State, number: number): string => `10.42.${index}.${number}`;
  const create = (state: State, number: number) => ns.pod(`${state.service}-${number}`, { ip: addressOf(state, number) });
  const states = SERVICES.map((service, index): State => ({ service, index, anchors: [1, 2].map((n) => `10.42.${index}.${n}`), passing: [] }));
  const write = async (state: State): Promise<void> => {
    const number = state.passing.length + 3;
    await create(state, number);
    const pods = await Promise.all([1, 2, number].map((n) => client.get(podKind, { namespace: ns.name, name: `${state.service}-${n}` })));
    await ns.slice(
      state.service,
      pods.flatMap((pod) => (pod ? [endpointOf(pod)] : [])),
    );
    if (number > 3) await client.delete(podKind, { namespace: ns.name, name: `${state.service}-${number - 1}` });
    state.passing.push(addressOf(state, number));
  };
  const open = (state: State): EndpointStream => {
    const stream = questions(destination.channel()).get(ns.authority(state.service));
    streams.push({ stream, state });
    return stream;
  };
  const expected = ({ anchors, passing }: State, back: number): readonly string[] =>
    [...anchors, ...passing.slice(passing.length - 1 - back, passing.length - back)].map((ip) => `${ip}:${PORT}`);

  for (const state of states) {
    await ns.service(state.service);
    for (const number of [1, 2]) await create(state, number);
    await write(state);
    for (let i = 0; i < 2; i++) open(state);
  }
  const steady: SteadyStreams = {
    async change() {
      for (const state of states) await write(state);
    },
    async settled() {
      await Promise.all(streams.map(({ stream, state }) => stream.has(...expected(state, 0))));
    },
    async served(changes = 0) {
      await Promise.all(states.map((state) => open(state).has(...expected(state, changes))));
    },
    verify() {
      for (const { stream, state } of streams) {
        let set: EndpointSet = [];
        let isFirst = true;
        for (const update of stream.messages) {
          const applied = applyUpdate(set, update, isFirst);
          if (applied.kind === 'ignored') continue;
          isFirst = false;
          set = applied.kind === 'endpoints' ? applied.endpoints : [];
          expect(addressesOf(set), `after ${JSON.stringify(update)}`).toEqual(expect.arrayContaining(state.anchors.map((ip) => `${ip}:${PORT}`)));
        }
        expect(addressesOf(set)).toEqual([...expected(state, 0)].sort());
      }
    },
  };
  await steady.settled();
  return steady;
}
