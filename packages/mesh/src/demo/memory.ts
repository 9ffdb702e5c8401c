// Resident memory of the processes of a mesh, from the operating system.
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { promisify } from 'node:util';
import type { Mesh } from '../mesh.ts';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;

/** MiB per container as `deployment/container` (`#2` and so on for further replicas), and of this process as `mesh`. */
export async function residentMemory(mesh: Mesh): Promise<Readonly<Record<string, number>>> {
  const result: Record<string, number> = { mesh: round(process.memoryUsage.rss()) };
  const entries = await Promise.all(mesh.processes().map(async (one) => ({ one, bytes: await rss(one.pid).catch(() => undefined) })));
  for (const { one, bytes } of entries) {
    if (bytes === undefined) continue;
    const base = `${one.pod.replace(/-[a-z0-9]+-[a-z0-9]+$/, '')}/${one.container}`;
    let name = base;
    for (let count = 2; Object.hasOwn(result, name); count += 1) name = `${base}#${count}`;
    result[name] = round(bytes);
  }
  return result;
}

async function rss(pid: number): Promise<number> {
  if (process.platform === 'linux') return Number((await fs.readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) * PAGE_BYTES;
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout.trim()) * 1024;
}

function round(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10;
}
