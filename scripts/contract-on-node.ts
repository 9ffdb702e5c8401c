// Runs the contract suite under the other versions of Node that are supported. Their binaries are npm packages of the test package;
// a platform without them skips with a message. `tsx scripts/contract-on-node.ts [vitest arguments]`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const alias = ['node-22', 'node-24'];
const extra = process.argv.slice(2);
/** An example on another library's engine: what it cannot do takes its time to show, and is the same under every version. */
const LEFT_OUT = 'test/contract/engine/custom-engine.test.ts';

/** Exit code of a command whose output is shown. */
async function run(binary: string, args: readonly string[]): Promise<number> {
  const child = spawn(binary, args, { cwd: root, stdio: 'inherit' });
  return await new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

const results: string[] = [];
let failed = false;
for (const name of alias) {
  const binary = join(root, 'test', 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    results.push(`${name}: skipped, no binary for ${process.platform}-${process.arch}`);
    continue;
  }
  const code = await run(binary, [vitest, 'run', 'test/contract', '--exclude', LEFT_OUT, ...extra]);
  failed ||= code !== 0;
  results.push(`${name}: ${code === 0 ? 'passed' : `failed with exit code ${code}`}`);
}
for (const line of results) console.log(line);
process.exitCode = failed ? 1 : 0;
