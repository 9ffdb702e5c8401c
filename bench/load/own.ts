// Load by a program of our own, where no other is installed. It costs more than the proxies do: throughput is bounded by it.
import { fileURLToPath } from 'node:url';
import type { LoadGenerator, LoadResult } from './load.ts';
import { runProgram } from './run-program.ts';

export const ownLoad: LoadGenerator = {
  name: 'own',
  async run({ protocol, port, connections, streams, seconds }) {
    const file = fileURLToPath(new URL('./own-generator.ts', import.meta.url));
    const args = [...process.execArgv, file, protocol, String(port), String(connections), String(streams), String(seconds)];
    return JSON.parse(await runProgram(process.execPath, args, seconds)) as LoadResult;
  },
};
