// The file system of a container: the machine's own, in a mount namespace with a fresh /run, the pod's resolver files and its
// volumes bound in. Where a mount path does not exist, an overlay or a new root makes room; the machine itself is not written.
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Mount } from '../sandbox.ts';
import type { Tools } from './tools.ts';

const NEW_ROOT = '/run/.weft-root';

/** A shell script that ends by executing its arguments. Run as root in a new mount namespace. */
export function mountScript(tools: Tools, mounts: readonly Mount[]): string {
  const placed = mounts.map((mount) => ({ ...mount, target: realTarget(mount.target), isFile: existsSync(mount.source) && statSync(mount.source).isFile() }));
  const needsRoot = placed.some(({ target }) => !isUnderRun(target) && existingAncestor(target) === '/' && !existsSync(target));
  const root = needsRoot ? NEW_ROOT : '';
  const { mount, mkdir, touch, cp, chroot } = tools;
  const lines = [`${mount} -t tmpfs -o mode=755 weft-run /run`];
  if (needsRoot) {
    lines.push(
      `${mkdir} ${root}`,
      `${mount} -t tmpfs -o mode=755 weft-root ${root}`,
      `for e in /*; do if [ "$e" = /run ]; then :; elif [ -L "$e" ]; then ${cp} -P "$e" "${root}$e"; elif [ -d "$e" ]; then ${mkdir} "${root}$e"; ${mount} --rbind "$e" "${root}$e"; fi; done`,
      `${mkdir} ${root}/run`,
      `${mount} -t tmpfs -o mode=755 weft-run ${root}/run`,
    );
  }
  // An overlay would stand between a volume and its directory: the sources are taken aside before.
  const needsOverlay = placed.some(({ target }) => !existsSync(target) && !isUnderRun(target) && existingAncestor(target) !== '/');
  const sourceOf = new Map<Mount, string>();
  for (const [index, item] of placed.entries()) {
    const aside = `/run/.weft-source-${index}`;
    sourceOf.set(item, needsOverlay ? aside : item.source);
    if (needsOverlay) lines.push(item.isFile ? `${touch} ${aside}` : `${mkdir} ${aside}`, `${mount} --bind ${quote(item.source)} ${aside}`);
  }
  // Overlays come before all binds, which they would hide; outer before inner.
  const missing = placed.map(({ target }) => target).filter((target) => !existsSync(target) && !isUnderRun(target));
  const bases = new Set(missing.map(existingAncestor).filter((base) => base !== '/'));
  for (const [index, base] of [...bases].toSorted((x, y) => x.length - y.length).entries()) {
    const layers = `/run/.weft-layer-${index}`;
    const options = `lowerdir=${base},upperdir=${layers}/upper,workdir=${layers}/work`;
    lines.push(`${mkdir} -p ${layers}/upper ${layers}/work`, `${mount} -t overlay -o ${quote(options)} weft-layer ${quote(root + base)}`);
  }
  // Outer paths first, so that a mount does not hide one below it.
  for (const item of placed.toSorted((a, b) => a.target.length - b.target.length)) {
    const { target, readOnly, isFile } = item;
    const at = quote(root + target);
    lines.push(isFile ? `${mkdir} -p ${quote(dirname(root + target))}; [ -e ${at} ] || ${touch} ${at}` : `${mkdir} -p ${at}`);
    lines.push(`${mount} --bind ${quote(sourceOf.get(item) ?? item.source)} ${at}`);
    if (readOnly) lines.push(`${mount} -o remount,bind,ro ${at}`);
  }
  lines.push(needsRoot ? `exec ${chroot} ${root} "$@"` : 'exec "$@"');
  return lines.join('\n');
}

function isUnderRun(path: string): boolean {
  return path === '/run' || path.startsWith('/run/');
}

/** The path with the links of its existing part followed, such as /var/run → /run. */
function realTarget(path: string): string {
  const clean = join('/', path).replace(/(.)\/$/, '$1');
  let existing = clean;
  while (!existsSync(existing)) existing = dirname(existing);
  return join(realpathSync(existing), clean.slice(existing.length));
}

function existingAncestor(path: string): string {
  let ancestor = path;
  while (!existsSync(ancestor)) ancestor = dirname(ancestor);
  return ancestor;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
