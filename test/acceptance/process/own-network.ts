// A setup file: gives the process of a test file a network namespace of its own, in which every address of the tests' pods and services is
// local. Where that cannot be, each test is skipped with the reason; with CI=true the suite fails instead.
import { spawnSync } from 'node:child_process';
import koffi from 'koffi';
import { beforeEach } from 'vitest';
import { redirectFromNowOn } from './interception.ts';

const CLONE_NEWNET = 0x40000000;

const obstacle = enter();
if (obstacle === undefined) redirectFromNowOn();
else if (process.env['CI'] === 'true') throw new Error(`redirect rules are needed: ${obstacle}`);
else {
  process.stderr.write(`skipped, no redirect rules: ${obstacle}\n`);
  beforeEach(({ skip }) => skip(`no redirect rules: ${obstacle}`));
}

/** Sockets and children of this thread are in the new network from now on. Why not, where it fails. */
function enter(): string | undefined {
  if (process.platform !== 'linux') return `they need Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'they need root';
  const unshare = koffi.load(null).func('int unshare(int flags)') as (flags: number) => number;
  if (unshare(CLONE_NEWNET) !== 0) return `unshare failed with errno ${koffi.errno()}`;
  for (const command of [
    ['ip', 'link', 'set', 'lo', 'up'],
    ['ip', 'route', 'add', 'local', '10.0.0.0/8', 'dev', 'lo'],
    ['iptables-restore', '--version'],
  ] as const) {
    const [program, ...args] = command;
    const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) return `${command.join(' ')}: ${error?.message ?? stderr.trim()}`;
  }
  return undefined;
}
