// Volumes as directories: emptyDir, configMap, secret, downwardAPI and projected sources with service account tokens that are
// renewed. Kubernetes "Volumes". Files are replaced atomically, so that a reader never sees half of one.
import { promises as fs } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { Clock, Logger } from '@weft/core';
import type { ConfigMap, IssuedToken, Pod, Secret, Volume } from '@weft/kube';
import { ConfigError, podField } from './environment.ts';

export interface VolumeSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  token(audience: string | undefined, expirationSeconds: number): Promise<IssuedToken>;
}

export interface VolumesOptions {
  readonly pod: Pod;
  readonly podIp: string;
  readonly hostIp: string;
  /** Below this directory each volume gets one of its own. */
  readonly directory: string;
  readonly sources: VolumeSources;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Volumes {
  /** Directory of a volume, or the path on the machine for a hostPath. */
  path(volume: string): string | undefined;
  /** Stops renewing tokens. The directories are the caller's to remove. */
  close(): void;
}

type Files = Map<string, Uint8Array>;

/** Throws ConfigError when something referred to is missing. */
export async function prepareVolumes(options: VolumesOptions): Promise<Volumes> {
  const { pod, directory, clock, logger } = options;
  const paths = new Map<string, string>();
  const timers = new Set<{ cancel(): void }>();
  let closed = false;

  const projectToken = async (
    dir: string,
    source: { readonly audience?: string; readonly expirationSeconds?: number; readonly path: string },
  ): Promise<void> => {
    const lifetime = source.expirationSeconds ?? 3600;
    const write = async (): Promise<void> => {
      const issued = await options.sources.token(source.audience, lifetime);
      await writeFiles(dir, new Map([[source.path, Buffer.from(issued.token)]]));
      if (closed) return;
      // The kubelet renews at 80 % of the life.
      const leftMs = Date.parse(issued.expirationTimestamp) - clock.wall();
      plan(Math.max(1000, leftMs * 0.8));
    };
    const plan = (delayMs: number): void => {
      const timer = clock.after(delayMs, () => {
        timers.delete(timer);
        if (closed) return;
        write().catch((error: unknown) => {
          logger.log('warn', 'a service account token could not be renewed', { pod: pod.metadata.name, error });
          plan(10_000);
        });
      });
      timers.add(timer);
    };
    await write();
  };

  for (const volume of pod.spec.volumes ?? []) {
    if (volume.hostPath) {
      paths.set(volume.name, volume.hostPath.path);
      continue;
    }
    const dir = join(directory, volume.name);
    await fs.mkdir(dir, { recursive: true });
    paths.set(volume.name, dir);
    if (volume.emptyDir) {
      await fs.chmod(dir, 0o777);
      continue;
    }
    await writeFiles(dir, await filesOf(volume, options));
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken) await projectToken(dir, source.serviceAccountToken);
    }
  }
  return {
    path: (volume) => paths.get(volume),
    close() {
      closed = true;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}

async function filesOf(volume: Volume, options: VolumesOptions): Promise<Files> {
  const files: Files = new Map();
  if (volume.configMap) await addConfigMap(files, volume.configMap, options);
  if (volume.secret) await addSecret(files, { ...volume.secret, name: volume.secret.secretName ?? '' }, options);
  if (volume.downwardAPI) addFields(files, volume.downwardAPI.items ?? [], options);
  for (const source of volume.projected?.sources ?? []) {
    if (source.configMap) await addConfigMap(files, source.configMap, options);
    if (source.secret) await addSecret(files, source.secret, options);
    if (source.downwardAPI) addFields(files, source.downwardAPI.items ?? [], options);
  }
  return files;
}

interface Selection {
  readonly name?: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[];
  readonly optional?: boolean;
}

async function addConfigMap(files: Files, selection: Selection, { sources }: VolumesOptions): Promise<void> {
  const map = await sources.configMap(selection.name ?? '');
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(map?.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'));
  addSelected(files, `configmap ${selection.name ?? ''}`, map ? data : undefined, selection);
}

async function addSecret(files: Files, selection: Selection, { sources }: VolumesOptions): Promise<void> {
  const secret = await sources.secret(selection.name ?? '');
  const data = new Map(Object.entries(secret?.data ?? {}).map(([key, value]): [string, Uint8Array] => [key, Buffer.from(value, 'base64')]));
  addSelected(files, `secret ${selection.name ?? ''}`, secret ? data : undefined, selection);
}

function addSelected(files: Files, what: string, data: ReadonlyMap<string, Uint8Array> | undefined, { items, optional }: Selection): void {
  if (!data) {
    if (optional) return;
    throw new ConfigError(`${what} not found`);
  }
  if (!items) {
    for (const [key, value] of data) files.set(key, value);
    return;
  }
  for (const { key, path } of items) {
    const value = data.get(key);
    if (value) files.set(path, value);
    else if (!optional) throw new ConfigError(`${what} has no key ${key}`);
  }
}

function addFields(
  files: Files,
  items: readonly { readonly path: string; readonly fieldRef?: { readonly fieldPath: string } }[],
  options: VolumesOptions,
): void {
  for (const { path, fieldRef } of items) {
    if (fieldRef) files.set(path, Buffer.from(podField(options, fieldRef.fieldPath)));
  }
}

async function writeFiles(dir: string, files: Files): Promise<void> {
  for (const [name, content] of files) {
    const relative = normalize(name);
    if (relative.startsWith('..') || relative.startsWith('/')) throw new ConfigError(`path ${name} leaves its volume`);
    const path = join(dir, relative);
    await fs.mkdir(dirname(path), { recursive: true });
    const temporary = join(dir, `..${relative.replaceAll('/', '_')}.tmp`);
    await fs.writeFile(temporary, content, { mode: 0o644 });
    await fs.rename(temporary, path);
  }
}
