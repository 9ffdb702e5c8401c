// Where the build put the programs and the demo application: below dist of this package, wherever this code runs from.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface BuiltFiles {
  /** The bundles of the mesh's own programs. */
  readonly programs: string;
  readonly demoPrograms: string;
  /** `emojivoto.yml`. */
  readonly demoManifest: string;
}

/** Throws where this package has not been built. */
export function builtFiles(): BuiltFiles {
  const dist = join(packageRoot(dirname(fileURLToPath(import.meta.url))), 'dist');
  const files = { programs: join(dist, 'bundle'), demoPrograms: join(dist, 'demo/programs'), demoManifest: join(dist, 'demo/manifests/emojivoto.yml') };
  const missing = Object.values(files).filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`the build is incomplete, run it first: ${missing.join(', ')} not found`);
  return files;
}

function packageRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    const manifest = join(dir, 'package.json');
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly name?: string }).name === '@weft/cli') return dir;
    if (dir === dirname(dir)) throw new Error(`${from} is not inside the package @weft/cli`);
  }
}
