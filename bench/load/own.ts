// Load by a program of our own, where no other is installed. It costs more than the proxies do: throughput is bounded by it.
import { ownProgram } from '../processes/own-programs.ts';
import { runProgram } from '../processes/run-program.ts';
import type { LoadGenerator, LoadResult } from './load.ts';

export const ownLoad: LoadGenerator = {
  name: 'own',
  run: async (options) =>
    JSON.parse(await runProgram(process.execPath, [ownProgram('load-generator'), JSON.stringify(options)], options.seconds)) as LoadResult,
};
