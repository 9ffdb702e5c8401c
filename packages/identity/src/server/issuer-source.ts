// Issuer and trust anchors as they are mounted, taken into use together whenever they change. spec/control-plane.md §3.
import { X509Certificate } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { type Clock, type Logger, reasonOf, systemClock } from '@weft/core';
import { type Authority, type AuthorityOptions, loadAuthority } from '../authority/authority.ts';
import type { IssuerPem } from '../authority/issuer.ts';
import { certificatesFromPem } from '../certificate/pem.ts';
import { expiryWarnings } from './expiry-warnings.ts';
import { readMounted, watchMounts } from './mounted-files.ts';

export interface IssuerSourceOptions {
  readonly dir: string;
  /** Names of the files: `linkerd.io/tls` has `crt.pem` and `key.pem`, all others `tls.crt` and `tls.key`. */
  readonly scheme: string;
  /** File with the trust anchors, PEM. */
  readonly trustRoots: string;
  readonly authority: AuthorityOptions;
  readonly logger: Logger;
  /** Called after a reload, and when one failed and what was in use stays. Must not throw. */
  readonly onReload?: (outcome: ReloadOutcome) => void;
}

export type ReloadOutcome = { readonly kind: 'updated' } | { readonly kind: 'skipped'; readonly message: string };

export interface IssuerSource {
  readonly current: Authority;
  /** When the first of the trust anchors expires, milliseconds since the epoch. */
  readonly anchorsExpireAt: number;
  close(): void;
}

/** Throws when the first load fails. */
export async function issuerSource(options: IssuerSourceOptions): Promise<IssuerSource> {
  const { logger } = options;
  const clock: Clock = options.authority.clock ?? systemClock();
  const warn = expiryWarnings(logger, clock);
  // Watched before they are read, so that no change falls between.
  let changed = false;
  let onChange = (): void => void (changed = true);
  const mounts = watchMounts({
    dirs: [options.dir, dirname(options.trustRoots)],
    clock,
    onChange: () => onChange(),
    onError: (error) => logger.log('warn', 'a directory is not watched, changes are found within a minute', { error }),
  });
  let inUse: Loaded;
  try {
    inUse = await load(options, readFiles(options));
  } catch (error) {
    mounts.close();
    throw error;
  }
  warn(inUse.certificates);

  /** Why the present files are not in use; reported once. */
  let refusal: string | undefined;
  const attempt = async (): Promise<void> => {
    try {
      const files = readFiles(options);
      if (!same(files, inUse.files)) {
        inUse = await load(options, files);
        logger.log('info', 'the issuer was updated', { expires: new Date(inUse.authority.expiresAt).toISOString() });
        options.onReload?.({ kind: 'updated' });
      }
      refusal = undefined;
    } catch (error) {
      const { detail = String(error) } = reasonOf(error);
      if (detail === refusal) return;
      refusal = detail;
      logger.log('warn', 'the new issuer cannot be used, the former one stays', { reason: reasonOf(error) });
      options.onReload?.({ kind: 'skipped', message: detail });
    }
  };
  let reloading = false;
  const reload = async (): Promise<void> => {
    changed = true;
    if (reloading) return;
    reloading = true;
    while (changed) {
      changed = false;
      await attempt();
      warn(inUse.certificates);
    }
    reloading = false;
  };
  onChange = () => void reload();
  if (changed) onChange();
  return {
    get current() {
      return inUse.authority;
    },
    get anchorsExpireAt() {
      return inUse.anchorsExpireAt;
    },
    close: () => mounts.close(),
  };
}

interface Loaded {
  readonly files: IssuerPem;
  readonly authority: Authority;
  readonly certificates: readonly { readonly role: string; readonly certificate: X509Certificate }[];
  readonly anchorsExpireAt: number;
}

function readFiles({ dir, scheme, trustRoots }: IssuerSourceOptions): IssuerPem {
  const [certificates, key] = readMounted(dir, scheme === 'linkerd.io/tls' ? ['crt.pem', 'key.pem'] : ['tls.crt', 'tls.key']);
  const [anchors] = readMounted(dirname(trustRoots), [basename(trustRoots)]);
  return { certificates, key, anchors };
}

function same(a: IssuerPem, b: IssuerPem): boolean {
  return a.certificates === b.certificates && a.key === b.key && a.anchors === b.anchors;
}

async function load(options: IssuerSourceOptions, files: IssuerPem): Promise<Loaded> {
  const authority = await loadAuthority({ ...options.authority, issuer: files });
  const roles = (role: string, pem: string): Loaded['certificates'] => certificatesFromPem(pem).map((der) => ({ role, certificate: new X509Certificate(der) }));
  const anchors = roles('trust anchor', files.anchors);
  const anchorsExpireAt = Math.min(...anchors.map(({ certificate }) => Date.parse(certificate.validTo)));
  return { files, authority, certificates: [...roles('issuer', files.certificates), ...anchors], anchorsExpireAt };
}
