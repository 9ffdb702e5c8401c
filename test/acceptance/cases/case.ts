// One case of spec/proxy.md §10, under the name it has there. What an implementation does otherwise is data (differences.ts), and must be so:
// a case that holds after all fails the run.
import { basename } from 'node:path';
import { test } from 'vitest';
import { DIFFERENCES } from './differences.ts';

const differences = DIFFERENCES[process.env['PROXY_BIN'] === undefined ? 'weft' : basename(process.env['PROXY_BIN'])] ?? {};

/** `group` tells cases of one name apart. */
export function acceptanceCase(name: string, run: () => Promise<void>, group = ''): void {
  const why = differences[`${group} ${name}`.trim()] ?? differences[name];
  if (why === undefined) test(name, run);
  else test.fails(`${name} (differs: ${why})`, run);
}
