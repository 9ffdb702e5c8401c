// Namespaces and directories of runtimes that ended without cleaning up. Each runtime keeps a record with its process id and
// that process's start time; only what belongs to a record whose process is gone is removed. spec/runtime.md §5.
import { promises as fs, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Tools } from './tools.ts';

interface RunRecord {
  readonly pid: number;
  readonly startTime: string;
  /** Names of its namespaces begin with it. */
  readonly prefix: string;
  /** Removed with all it contains. */
  readonly directory: string;
}

const RECORDS = '/run/weft';

/** Writes the record of this process. */
export async function writeRecord(id: string, record: { readonly prefix: string; readonly directory: string }): Promise<void> {
  await fs.mkdir(RECORDS, { recursive: true, mode: 0o700 });
  const content: RunRecord = { pid: process.pid, startTime: startTime(process.pid) ?? '', ...record };
  await fs.writeFile(join(RECORDS, `${id}.json`), JSON.stringify(content));
}

export async function removeRecord(id: string): Promise<void> {
  await fs.rm(join(RECORDS, `${id}.json`), { force: true });
}

/** Ends and removes what dead runtimes left. Returns how many there were. */
export async function removeLeftovers(tools: Tools): Promise<number> {
  let count = 0;
  for (const file of await fs.readdir(RECORDS).catch(() => [])) {
    const path = join(RECORDS, file);
    const record = await readRecord(path);
    if (!record || (startTime(record.pid) === record.startTime && record.startTime !== '')) continue;
    count += 1;
    await removeNamespaces(tools, record.prefix);
    await fs.rm(record.directory, { recursive: true, force: true });
    await fs.rm(path, { force: true });
  }
  return count;
}

/** Ends every process in the namespaces with this prefix, then deletes them; their devices go with them. */
export async function removeNamespaces(tools: Tools, prefix: string): Promise<void> {
  const names = (await fs.readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(prefix));
  for (const name of names) await removeNamespace(tools, name);
}

export async function removeNamespace(tools: Tools, name: string): Promise<void> {
  const pids = (await run(tools.ip, ['netns', 'pids', name]).catch(() => '')).split('\n').filter((line) => line !== '');
  for (const pid of pids) kill(Number(pid));
  await run(tools.ip, ['netns', 'del', name]).catch((error: unknown) => {
    if (!(error instanceof Error) || !/No such file/.test(error.message)) throw error;
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readRecord(path: string): Promise<RunRecord | undefined> {
  try {
    const record = JSON.parse(await fs.readFile(path, 'utf8')) as Partial<RunRecord>;
    const { pid, startTime: since, prefix, directory } = record;
    // A short prefix would match what is not ours.
    if (typeof pid !== 'number' || typeof since !== 'string' || typeof prefix !== 'string' || typeof directory !== 'string') return undefined;
    return /^weft-[0-9a-f]{8}-$/.test(prefix) && directory.includes('weft-') ? { pid, startTime: since, prefix, directory } : undefined;
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat; undefined when there is no such process or it is a zombie. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
