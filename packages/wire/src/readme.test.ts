// The example of the README runs as it stands.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bundled as the binaries are, so that it also shows that the generated code and Long survive bundling. */
async function runBundled(source: string): Promise<unknown> {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const folder = mkdtempSync(join(root, 'dist/readme-'));
  try {
    const bundled = await build({
      stdin: { contents: source, resolveDir: root, loader: 'ts' },
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      conditions: ['weft-source'],
    });
    const file = join(folder, 'example.mjs');
    writeFileSync(file, bundled.outputFiles[0]?.contents ?? '');
    return await import(/* @vite-ignore */ pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the example of the README runs', async () => {
  const example = /^```ts\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '';
  expect(example).toContain('@weft/wire');
  await runBundled(example);
});

test('64-bit halves of an address stay exact in a bundle', async () => {
  const source = `
    import { codecOf, ipFromWire, ipToWire } from '@weft/wire';
    const codec = codecOf('net.IPAddress');
    export const ips = ['::1', '8000::8000:0:0:1', '${Array.from({ length: 8 }, () => 'ffff').join(':')}'].map((ip) => ipFromWire(codec.decode(codec.encode(ipToWire(ip)))));`;
  expect(await runBundled(source)).toMatchObject({ ips: ['::1', '8000::8000:0:0:1', Array.from({ length: 8 }, () => 'ffff').join(':')] });
});
