// The issuer as Kubernetes mounts it: a directory whose content is swapped when the Secret changes. spec/control-plane.md §3.
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Logger, reasonOf, systemClock, type Timer } from '@weft/core';
import { type Authority, type AuthorityOptions, loadAuthority } from '../authority/authority.ts';

export interface IssuerSourceOptions {
  readonly dir: string;
  /** Names of the files: `linkerd.io/tls` has `crt.pem` and `key.pem`, all others `tls.crt` and `tls.key`. */
  readonly scheme: string;
  /** PEM. Fixed for the life of the process. */
  readonly anchors: string;
  readonly authority: AuthorityOptions;
  readonly logger: Logger;
  /** Called after a reload, and when one failed and the former issuer stays. Must not throw. */
  readonly onReload?: (outcome: { readonly kind: 'updated' } | { readonly kind: 'skipped'; readonly message: string }) => void;
}

export interface IssuerSource {
  readonly current: Authority;
  close(): void;
}

/** Several files change at once; one reload is enough. */
const SETTLE_MS = 100;

/** Throws when the first load fails. */
export async function issuerSource(options: IssuerSourceOptions): Promise<IssuerSource> {
  const clock: Clock = options.authority.clock ?? systemClock();
  let files = readFiles(options);
  let current = await load(options, files);
  let timer: Timer | undefined;

  const reload = async (): Promise<void> => {
    try {
      const next = readFiles(options);
      if (next.certificates === files.certificates && next.key === files.key) return;
      current = await load(options, next);
      files = next;
      options.logger.log('info', 'the issuer was updated', { expires: new Date(current.expiresAt).toISOString() });
      options.onReload?.({ kind: 'updated' });
    } catch (error) {
      const { detail = String(error) } = reasonOf(error);
      options.logger.log('warn', 'the new issuer cannot be used, the former one stays', { reason: reasonOf(error) });
      options.onReload?.({ kind: 'skipped', message: detail });
    }
  };
  const watcher: FSWatcher = watch(options.dir, { persistent: false }, () => {
    timer?.cancel();
    timer = clock.after(SETTLE_MS, () => void reload());
  });
  watcher.on('error', (error) => options.logger.log('error', 'the issuer directory is no longer watched', { error }));
  return {
    get current() {
      return current;
    },
    close() {
      timer?.cancel();
      watcher.close();
    },
  };
}

interface IssuerFiles {
  readonly certificates: string;
  readonly key: string;
}

function readFiles({ dir, scheme }: IssuerSourceOptions): IssuerFiles {
  const [certificates, key] = scheme === 'linkerd.io/tls' ? ['crt.pem', 'key.pem'] : ['tls.crt', 'tls.key'];
  return { certificates: readFileSync(join(dir, certificates), 'utf8'), key: readFileSync(join(dir, key), 'utf8') };
}

function load(options: IssuerSourceOptions, files: IssuerFiles): Promise<Authority> {
  return loadAuthority({ ...options.authority, issuer: { ...files, anchors: options.anchors } });
}
