// One change of a watched value reaching its subscribers, against Node's event emitter with as many listeners.
import { EventEmitter } from 'node:events';
import { createWatch } from '@weft/core';
import type { Scenario } from '../scenario.ts';
import { measureOperations, type Operation } from './operations.ts';

function changes(subscribers: number): Operation {
  const source = createWatch<{ readonly value: number }>();
  let seen = 0;
  for (let i = 0; i < subscribers; i++) {
    source.watch.subscribe((state) => {
      if (state.kind === 'value') seen += state.value.value;
    });
  }
  return {
    name: `Watch.set, ${subscribers} subscribers`,
    run(count) {
      for (let i = 0; i < count; i++) source.set({ value: i });
      return seen;
    },
  };
}

function events(listeners: number): Operation {
  const emitter = new EventEmitter().setMaxListeners(listeners);
  let seen = 0;
  for (let i = 0; i < listeners; i++) emitter.on('value', ({ value }: { readonly value: number }) => (seen += value));
  return {
    name: `EventEmitter.emit, ${listeners} listeners`,
    run(count) {
      for (let i = 0; i < count; i++) emitter.emit('value', { value: i });
      return seen;
    },
  };
}

export const watch: Scenario = {
  name: 'watch',
  about: 'one change of a watched value reaching all subscribers',
  run: async ({ quick }) => ({
    name: 'watch',
    operations: measureOperations([changes(1), changes(100), changes(1000), events(1), events(100), events(1000)], quick),
  }),
};
