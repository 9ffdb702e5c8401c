// `npm run check`: every static check in turn, all of them even where one fails. Exit status 1 where any did.
import { spawnSync } from 'node:child_process';

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['format', 'biome', 'ci', '--error-on-warnings', '.'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings', '.'],
  ['types', 'tsc', '-p', 'tsconfig.json'],
  ['dependency rules', 'depcruise', '--config', '.dependency-cruiser.cjs', 'packages', 'examples', 'test', 'bench'],
  ['unused code', 'knip'],
  ['generated files are current', 'tsx', '--conditions=weft-source', 'scripts/generate.ts', '--check'],
  ['repository rules', 'tsx', 'scripts/check-repository.ts'],
];

const failed: string[] = [];
for (const [name, command, ...args] of steps) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${command}`, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status === 0) {
    console.log(`ok      ${name} (${seconds} s)`);
    continue;
  }
  failed.push(name);
  console.log(`FAILED  ${name} (${seconds} s)\n${stdout}${stderr}`);
}
console.log(failed.length === 0 ? `${steps.length} checks passed` : `${failed.length} of ${steps.length} checks failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
