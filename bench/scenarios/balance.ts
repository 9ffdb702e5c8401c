// Picks per second of the load balancer, each with its dispatch and completion, against the cheapest balancer there is.
import { peakEwma, seeded } from '@weft/core';
import type { Scenario } from '../scenario.ts';
import { measureOperations, type Operation } from './operations.ts';

const endpointsOf = (count: number): { readonly id: number }[] => Array.from({ length: count }, (_, id) => ({ id }));

function picks(endpoints: number): Operation {
  const balancer = peakEwma({ endpoints: endpointsOf(endpoints), random: seeded(1) });
  let now = 0;
  return {
    name: `P2C over Peak-EWMA, ${endpoints} endpoints`,
    run(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        now += 0.05;
        const member = balancer.pick(now);
        if (!member) return Number.NaN;
        sum += member.endpoint.id;
        member.load.dispatch(now).complete(now + 1 + (member.endpoint.id % 7));
      }
      return sum;
    },
  };
}

function turns(endpoints: number): Operation {
  const list = endpointsOf(endpoints);
  let next = 0;
  return {
    name: `round robin, ${endpoints} endpoints`,
    run(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += list[next++ % list.length]?.id ?? Number.NaN;
      return sum;
    },
  };
}

export const balance: Scenario = {
  name: 'balance',
  about: 'one pick of the balancer, with its dispatch and completion',
  run: async ({ quick }) => ({ name: 'balance', operations: measureOperations([picks(2), picks(100), picks(1000), turns(100)], quick) }),
};
