// A network namespace for the whole run, with nothing but loopback: only in one of its own may a benchmark lead connections elsewhere.
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { findProgram } from './processes/child.ts';

const MARK = 'WEFT_BENCH_OWN_NETWORK';
const inside = process.env[MARK] === 'yes';

/** Why redirect rules cannot be set; undefined where this process has a network of its own. */
export function ownNetworkObstacle(): string | undefined {
  if (inside) return undefined;
  const missing = ['unshare', 'ip', 'iptables'].filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `redirect rules need ${missing.join(', ')}`;
  return process.getuid?.() === 0 ? 'the run has no network of its own' : 'redirect rules need root';
}

/** Runs this very program in a network of its own where it can, and gives its exit status; undefined where there is nothing to do. */
export async function runInOwnNetwork(): Promise<number | undefined> {
  if (inside) {
    const { status, stderr } = spawnSync('ip', ['link', 'set', 'lo', 'up'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip: ${stderr.trim()}`);
    return undefined;
  }
  const unshare = findProgram('unshare');
  if (unshare === undefined || process.getuid?.() !== 0 || findProgram('iptables') === undefined || findProgram('ip') === undefined) return undefined;
  const child = spawn(unshare, ['--net', '--', process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: 'yes' },
  });
  // It ends what it started, and then itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
