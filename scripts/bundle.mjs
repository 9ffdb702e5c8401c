// Bundles every main (src/bin/*.ts) into one file under dist/bundle of its package, so that a process starts fast and can
// be staged outside the workspace. koffi's native addon cannot be bundled: the package is copied to dist/bundle/node_modules.
import { cpSync, existsSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const packages = ['packages/cli', 'examples/emojivoto'];

for (const dir of packages) {
  const bin = join(dir, 'src/bin');
  if (!existsSync(bin)) continue;
  const outdir = join(dir, 'dist/bundle');
  rmSync(outdir, { recursive: true, force: true });
  await build({
    entryPoints: readdirSync(bin)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => join(bin, file)),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    conditions: ['weft-source'],
    external: ['koffi'],
    // Constants are written out where they are used: as variables of a module they are fetched and checked each time, in the innermost loops too.
    minifySyntax: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });
  const koffi = join(dir, 'node_modules/koffi');
  if (existsSync(koffi)) copyAddon(join(realpathSync(koffi), '..'), join(outdir, 'node_modules'));
}

// The demo application travels with the command that starts it.
const demo = 'packages/cli/dist/demo';
rmSync(demo, { recursive: true, force: true });
cpSync('examples/emojivoto/dist/bundle', join(demo, 'programs'), { recursive: true });
cpSync('examples/emojivoto/k8s', join(demo, 'manifests'), { recursive: true });

/** koffi with the prebuilt addon of this platform, without its sources. */
function copyAddon(from, to) {
  for (const name of ['koffi', '@koromix']) {
    const root = join(from, name);
    if (!existsSync(root)) continue;
    const unwanted = name === 'koffi' ? /^\/(doc|vendor|lib)(\/|$)|\.(cc|hh|h|c|S|asm)$/ : /^$/;
    cpSync(root, join(to, name), { recursive: true, dereference: true, filter: (path) => !unwanted.test(path.slice(root.length)) || path === root });
  }
}
