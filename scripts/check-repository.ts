// Rules about the repository as a whole that no other tool knows: file sizes, lock file, READMEs, words that must not appear.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const problems: string[] = [];
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(path));

for (const path of tracked) {
  if (!/\.(ts|mts|mjs|js)$/.test(path) || path.includes('/src/gen/')) continue;
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n').length;
  if (lines > 500) problems.push(`${path}: ${lines} lines; 500 are the most`);
  if (!path.endsWith('.test.ts') && !/^(#!.*\n)?(\/\/|\/\*)/.test(text)) problems.push(`${path}: the first line is no comment that says what the file is for`);
}

const lock = readFileSync('pnpm-lock.yaml', 'utf8');
if (/^\s+tarball:|https?:\/\/[^\s]*registry/m.test(lock)) problems.push('pnpm-lock.yaml: carries download addresses');

for (const name of readdirSync('packages')) {
  const dir = `packages/${name}`;
  const readme = existsSync(`${dir}/README.md`) ? readFileSync(`${dir}/README.md`, 'utf8') : '';
  if (!readme.includes('```ts')) problems.push(`${dir}/README.md: has no TypeScript example`);
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
