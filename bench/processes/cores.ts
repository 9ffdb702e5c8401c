// Which core a process may run on: proxies have one each, everything else (load, backend, this program) the others. taskset(1).
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { findProgram } from './child.ts';

const taskset = findProgram('taskset');
const cores = availableParallelism();
/** With two cores the second proxy of a pair shares the core of the first. */
const proxyCores = cores >= 4 ? 2 : 1;

/** Why processes are not pinned; undefined where they are. */
export const pinningObstacle: string | undefined = taskset === undefined ? 'taskset is not installed' : cores < 2 ? 'there is one core only' : undefined;

/** The nth proxy of a path. */
export function pinProxy(pid: number, index = 0): void {
  pin(pid, String(index % proxyCores));
}

/** This process; what it starts inherits it. */
export function pinRest(): void {
  pin(process.pid, `${proxyCores}-${cores - 1}`);
}

/** This process again, and what it starts from now on: on all cores. */
export function runAnywhere(): void {
  pin(process.pid, `0-${cores - 1}`);
}

function pin(pid: number, list: string): void {
  if (taskset === undefined || pinningObstacle !== undefined) return;
  // All of its threads; those that it starts later inherit it.
  const { status, stderr } = spawnSync(taskset, ['-a', '-c', '-p', list, String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset: ${stderr.trim()}`);
}
