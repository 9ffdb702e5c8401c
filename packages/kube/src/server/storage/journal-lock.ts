// One process per journal. The lock names its process, so that one left by a process that was killed does not bar the next.
import { open, readFile, unlink } from 'node:fs/promises';

/** Resolves with what releases it. Rejects while another living process has it. */
export async function acquireLock(path: string): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(`${process.pid} ${await startOf(process.pid)}`).finally(() => file.close());
      return () => unlink(path);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    const [pid = '', start = ''] = (await readFile(path, 'utf8')).split(' ');
    if (await isAlive(Number(pid), start)) throw new Error(`the journal is in use by process ${pid}: remove ${path} if that is not an API server`);
    await unlink(path);
  }
  throw new Error(`the journal is being opened by another process: ${path}`);
}

/** Numbers of processes come back, in containers above all; with the time of their start they do not. */
async function isAlive(pid: number, start: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return isCode(error, 'EPERM');
  }
  return start === (await startOf(pid));
}

/** Clock ticks between the machine's start and the process's, from `/proc/PID/stat`; empty where there is none. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch (error) {
    if (isCode(error, 'ENOENT')) return '';
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
