// Every README has an example, and each is a complete module: it is type-checked and run as a reader would.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const workDir = join(root, 'test/docs/.examples');
const require = createRequire(import.meta.url);

const readmes = ['packages', 'examples'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => ({ name, path: join(root, group, name, 'README.md') })),
);
const examples = readmes.flatMap(({ name, path }) => {
  const found = [...readFileSync(path, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  return (found.length === 0 ? [''] : found).map((code, index) => ({ name: index === 0 ? name : `${name}-${index + 1}`, code }));
});

beforeAll(() => {
  mkdirSync(workDir, { recursive: true });
  for (const { name, code } of examples) writeFileSync(join(workDir, `${name}.ts`), code);
});

afterAll(() => rmSync(workDir, { recursive: true, force: true }));

describe('the example of each README', () => {
  test('is there', () => {
    expect(examples.filter(({ code }) => code === '').map(({ name }) => name)).toEqual([]);
  });

  test('compiles', async () => {
    const config = {
      extends: '../../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false, incremental: false },
      include: ['./*.ts'],
      exclude: [],
    };
    writeFileSync(join(workDir, 'tsconfig.json'), JSON.stringify(config));
    const compiled = run(process.execPath, [require.resolve('typescript/lib/tsc.js'), '-p', join(workDir, 'tsconfig.json')], { cwd: root });
    const errors = await compiled.then(
      () => '',
      (error: { readonly stdout: string }) => error.stdout,
    );
    expect(errors).toBe('');
  }, 120_000);

  test.each(examples)(
    '$name runs',
    async ({ name }) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', TMPDIR: process.env['TMPDIR'] ?? '/tmp' };
      const ended = run(process.execPath, ['--import', require.resolve('tsx'), '--conditions=weft-source', join(workDir, `${name}.ts`)], {
        cwd: root,
        env,
        timeout: 60_000,
      });
      await expect(ended).resolves.toBeDefined();
    },
    70_000,
  );
});
