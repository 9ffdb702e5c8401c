import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualClock, memoryLogger } from '@weft/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CreatedAuthority, createAuthority } from '../authority/create-authority.ts';
import { type IssuerSource, type IssuerSourceOptions, issuerSource, type ReloadOutcome } from './issuer-source.ts';

const DAY_MS = 86_400_000;
const authority = (validityMs?: number): Promise<CreatedAuthority> => createAuthority({ trustDomain: 'td', ...(validityMs !== undefined && { validityMs }) });

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-mounts-'));
});
afterEach(() => rm(root, { recursive: true }));

/** A directory whose files change together, as the kubelet mounts them. */
async function mount(name: string): Promise<{ readonly dir: string; write(files: Readonly<Record<string, string>>): Promise<void> }> {
  const dir = await mkdtemp(join(root, `${name}-`));
  let version = 0;
  return {
    dir,
    async write(files) {
      const next = `..${++version}`;
      await mkdir(join(dir, next));
      for (const [file, content] of Object.entries(files)) await writeFile(join(dir, next, file), content);
      await symlink(next, join(dir, '..data_tmp'));
      await rename(join(dir, '..data_tmp'), join(dir, '..data'));
      if (version > 1) return;
      for (const file of Object.keys(files)) await symlink(join('..data', file), join(dir, file));
    },
  };
}

const secret = ({ issuer }: CreatedAuthority) => ({ 'tls.crt': issuer.certificates, 'tls.key': issuer.key });
const roots = (...authorities: readonly CreatedAuthority[]) => ({ 'ca-bundle.crt': authorities.map(({ issuer }) => issuer.anchors).join('') });

interface Mounted extends AsyncDisposable {
  readonly source: IssuerSource;
  readonly issuer: Awaited<ReturnType<typeof mount>>;
  readonly anchors: Awaited<ReturnType<typeof mount>>;
  readonly log: ReturnType<typeof memoryLogger>;
  readonly outcomes: readonly ReloadOutcome[];
  /** The next outcome from now on. */
  next(): Promise<ReloadOutcome>;
}

async function mounted(first: CreatedAuthority, others: readonly CreatedAuthority[], options: Partial<IssuerSourceOptions> = {}): Promise<Mounted> {
  const [issuer, anchors] = await Promise.all([mount('issuer'), mount('roots')]);
  await issuer.write(secret(first));
  await anchors.write(roots(first, ...others));
  const outcomes: ReloadOutcome[] = [];
  const log = memoryLogger();
  let wake: ((outcome: ReloadOutcome) => void) | undefined;
  const source = await issuerSource({
    dir: issuer.dir,
    scheme: 'kubernetes.io/tls',
    trustRoots: join(anchors.dir, 'ca-bundle.crt'),
    authority: {},
    logger: log,
    onReload(outcome) {
      outcomes.push(outcome);
      wake?.(outcome);
    },
    ...options,
  });
  return {
    source,
    issuer,
    anchors,
    log,
    outcomes,
    next: () => new Promise((resolve) => (wake = resolve)),
    [Symbol.asyncDispose]: async () => source.close(),
  };
}

describe('a mounted issuer', () => {
  test('is taken into use when it changes; one that cannot be used leaves the former', async () => {
    const [first, second, stranger] = await Promise.all([authority(), authority(7_200_000), authority()]);
    await using on = await mounted(first, [second]);
    expect(on.source.current.expiresAt).toBe(first.expiresAt);
    const updated = on.next();
    await on.issuer.write(secret(second));
    expect(await updated).toEqual({ kind: 'updated' });
    expect(on.source.current.expiresAt).toBe(second.expiresAt);
    for (const [bad, why] of [
      [{ ...secret(second), 'tls.key': 'garbage' }, /cannot be read/],
      [{ ...secret(second), 'tls.key': first.issuer.key }, /does not belong/],
      [secret(stranger), /among the trust anchors/],
      [{ 'tls.crt': second.issuer.certificates }, /ENOENT/],
    ] as const) {
      const skipped = on.next();
      await on.issuer.write(bad);
      expect(await skipped).toEqual({ kind: 'skipped', message: expect.stringMatching(why) });
      expect(on.source.current.expiresAt).toBe(second.expiresAt);
    }
  });

  test('is judged by the trust anchors as they are mounted at the time', async () => {
    const [first, second] = await Promise.all([authority(), authority(7_200_000)]);
    await using on = await mounted(first, []);
    const skipped = on.next();
    await on.issuer.write(secret(second));
    expect((await skipped).kind).toBe('skipped');
    const updated = on.next();
    await on.anchors.write(roots(first, second));
    expect(await updated).toEqual({ kind: 'updated' });
    expect([on.source.current.expiresAt, on.source.current.anchors.length, on.source.anchorsExpireAt]).toEqual([second.expiresAt, 2, second.expiresAt]);
  });

  test('stays with its trust anchors when those that come do not vouch for it, or are none', async () => {
    const [first, second] = await Promise.all([authority(), authority()]);
    await using on = await mounted(first, [second]);
    for (const bad of [roots(second), { 'ca-bundle.crt': 'none' }]) {
      const skipped = on.next();
      await on.anchors.write(bad);
      expect((await skipped).kind).toBe('skipped');
      expect(on.source.current.anchors).toHaveLength(2);
    }
    const updated = on.next();
    await on.anchors.write(roots(first));
    expect(await updated).toEqual({ kind: 'updated' });
    expect(on.source.current.anchors).toHaveLength(1);
  });

  test('is looked at every minute where the file system tells nothing, and a refusal is reported once', async () => {
    const clock = manualClock({ wall: Date.now() });
    const [first, second] = await Promise.all([authority(), authority(7_200_000)]);
    await using on = await mounted(first, [second], { authority: { clock } });
    const skipped = on.next();
    await on.issuer.write({ ...secret(second), 'tls.key': 'garbage' });
    clock.advance(60_000);
    await skipped;
    clock.advance(60_000);
    const updated = on.next();
    await on.issuer.write(secret(second));
    clock.advance(60_000);
    await updated;
    expect(on.outcomes.map(({ kind }) => kind)).toEqual(['skipped', 'updated']);
  });

  test('is warned about at the start when it expires soon', async () => {
    const first = await authority(59 * DAY_MS);
    const clock = manualClock({ wall: Date.now() + 50 * DAY_MS });
    await using on = await mounted(first, [], { authority: { clock } });
    expect(on.log.records.map(({ message, fields }) => [message, fields['role']])).toEqual([
      ['a certificate expires soon', 'issuer'],
      ['a certificate expires soon', 'trust anchor'],
    ]);
  });

  test('must be usable at the start, under the names of its scheme', async () => {
    const first = await authority();
    await using on = await mounted(first, []);
    const options = { dir: on.issuer.dir, trustRoots: join(on.anchors.dir, 'ca-bundle.crt'), authority: {}, logger: memoryLogger() };
    await expect(issuerSource({ ...options, scheme: 'linkerd.io/tls' })).rejects.toThrow('ENOENT');
    const linkerd = await mount('linkerd');
    await linkerd.write({ 'crt.pem': first.issuer.certificates, 'key.pem': first.issuer.key });
    const source = await issuerSource({ ...options, dir: linkerd.dir, scheme: 'linkerd.io/tls' });
    expect(source.current.expiresAt).toBe(first.expiresAt);
    source.close();
    await expect(issuerSource({ ...options, scheme: 'x', dir: join(root, 'nowhere') })).rejects.toThrow('nowhere');
  });
});
