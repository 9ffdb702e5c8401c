// Our own small programs (bench/programs), each bundled into one file as the product is, so that none pays for a loader.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const SOURCES = fileURLToPath(new URL('../programs/', import.meta.url));

let bundles: string | undefined;

/** The bundle of one of them, by its name without extension. */
export function ownProgram(name: string): string {
  bundles ??= bundleAll();
  return join(bundles, `${name}.mjs`);
}

function bundleAll(): string {
  const outdir = mkdtempSync(join(tmpdir(), 'weft-bench-programs-'));
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
  buildSync({
    entryPoints: readdirSync(SOURCES)
      .filter((file) => !file.endsWith('.test.ts'))
      .map((file) => join(SOURCES, file)),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    conditions: ['weft-source'],
    logLevel: 'warning',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });
  return outdir;
}
