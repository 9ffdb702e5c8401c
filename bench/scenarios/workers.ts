// Our proxy with one worker thread and with two, under the load of h2-4x32. Nothing is pinned: load, backend and threads share all
// cores, so that the ratio says what two workers can do only where there are more than four of them.
import { availableParallelism } from 'node:os';
import { alone, SERVICE, scripted } from '../../test/acceptance/process/scenes.ts';
import { straight } from '../hop.ts';
import { loadGenerator } from '../load/generator.ts';
import type { LoadOptions } from '../load/load.ts';
import { pinRest, runAnywhere } from '../processes/cores.ts';
import type { LoadFigures } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { backends } from './backends.ts';
import { checkAnswer } from './check-answer.ts';
import { figuresOf } from './figures-of.ts';
import { medianOf } from './under-load.ts';

const NAME = 'workers';
const WORK = { name: NAME, path: straight('h2'), connections: 4, streams: 32 };
/** Both workers, the load and the backend. */
const ENOUGH_CORES = 4;

export const workers: Scenario = {
  name: NAME,
  about: 'h2-4x32 with one worker thread and with two, and the ratio of their throughput',
  async run({ quick, identity, log }) {
    runAnywhere();
    const cores = availableParallelism();
    const proxies: Record<string, LoadFigures> = {};
    const skipped: string[] = [];
    if (cores < 2) skipped.push('two workers: there is one core only');
    if (cores >= 2 && cores < ENOUGH_CORES) skipped.push(`the ratio on free cores: there are ${cores}, which workers, load and backend share`);
    for (const count of cores < 2 ? [1] : [1, 2]) {
      const behind = backends({});
      const control = await scripted().authority(identity.authority).start();
      const proxy = await alone(control, await behind.port('h2'), { LINKERD2_PROXY_LOG: 'info', LINKERD2_PROXY_CORES: String(count) });
      try {
        const port = proxy.outboundPort(SERVICE);
        await checkAnswer(port, WORK);
        const load: LoadOptions = { protocol: 'h2', port, connections: WORK.connections, streams: WORK.streams, seconds: quick ? 0.8 : 3, grpc: false };
        await loadGenerator(load).run(load);
        const measured: LoadFigures[] = [];
        for (let turn = 0; turn < (quick ? 1 : 3); turn++) measured.push(await figuresOf(proxy.pid, load));
        const median = medianOf(measured);
        proxies[`weft, ${count} worker${count > 1 ? 's' : ''}`] = median;
        log(`${NAME}: ${count}: ${median.cpu_us_per_request.toFixed(1)} µs CPU per request, ${median.rps.toFixed(0)} requests/s`);
      } finally {
        await proxy[Symbol.asyncDispose]();
        await control[Symbol.asyncDispose]();
        await behind.close();
      }
    }
    pinRest();
    const [one, two] = Object.values(proxies);
    if (one && two) log(`${NAME}: two workers do ${(two.rps / one.rps).toFixed(2)} times what one does`);
    return { name: NAME, proxies, skipped };
  },
};
