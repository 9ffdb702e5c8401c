// The machine and the version that figures belong to.
import { spawnSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';

export function machine(): Record<string, string | number> {
  // With a sign of changes that are in no commit.
  const commit = spawnSync('git', ['describe', '--always', '--dirty', '--exclude=*'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
    commit: commit === '' ? 'unknown' : commit,
  };
}
