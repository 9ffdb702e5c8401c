// Files as Kubernetes mounts Secrets and ConfigMaps: links through `..data`, which is swapped at once when the object changes.
import { existsSync, type FSWatcher, readFileSync, realpathSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '@weft/core';

/** The files of a directory as text, all of one version of the object. Throws where one cannot be read. */
export function readMounted<const N extends readonly string[]>(dir: string, names: N): { readonly [I in keyof N]: string } {
  const data = join(dir, '..data');
  const version = existsSync(data) ? realpathSync(data) : dir;
  return names.map((name) => readFileSync(join(version, name), 'utf8')) as { readonly [I in keyof N]: string };
}

export interface WatchMountsOptions {
  readonly dirs: readonly string[];
  readonly clock: Clock;
  /** Called a moment after the last of some changes, and every so often without any: not every file system tells of changes. */
  readonly onChange: () => void;
  /** A directory is not watched, or no longer (the system's watches may be used up); it is still looked at every so often. */
  readonly onError: (error: unknown) => void;
}

/** Several files change at once; one look is enough. */
const SETTLE_MS = 100;
const LOOK_AGAIN_MS = 60_000;

export function watchMounts({ dirs, clock, onChange, onError }: WatchMountsOptions): { close(): void } {
  let timer: Timer;
  const lookIn = (ms: number): void => {
    timer?.cancel();
    timer = clock.after(ms, () => {
      lookIn(LOOK_AGAIN_MS);
      onChange();
    });
  };
  const watchers: FSWatcher[] = [];
  for (const dir of new Set(dirs)) {
    try {
      watchers.push(watch(dir, { persistent: false }, () => lookIn(SETTLE_MS)).on('error', onError));
    } catch (error) {
      onError(error);
    }
  }
  lookIn(LOOK_AGAIN_MS);
  return {
    close() {
      timer.cancel();
      for (const watcher of watchers) watcher.close();
    },
  };
}
