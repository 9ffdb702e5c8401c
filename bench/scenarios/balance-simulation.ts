// What balancers make of one slow and one failing server of ten: the same requests in virtual time, with and without circuit breakers.
import type { SimulatedFigures } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { CHOOSERS } from '../simulation/choosers.ts';
import { simulate } from '../simulation/simulate.ts';

const SEED = 2026;

export const balanceSimulation: Scenario = {
  name: 'balance-simulation',
  about: 'balancers over one slow and one failing server of ten, in virtual time; the same figures on every machine',
  async run({ quick, log }) {
    const seconds = quick ? 10 : 60;
    const simulated: Record<string, SimulatedFigures> = {};
    for (const breakers of [false, true]) {
      for (const chooser of Object.keys(CHOOSERS) as (keyof typeof CHOOSERS)[]) {
        const name = breakers ? `${chooser}, breakers` : chooser;
        simulated[name] = simulate({ chooser, breakers, seed: SEED, seconds });
        log(`balance-simulation: ${name}: goodput ${((simulated[name]?.goodput ?? 0) * 100).toFixed(2)} %`);
      }
    }
    return { name: 'balance-simulation', simulated };
  },
};
