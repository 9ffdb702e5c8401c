// What this process holds: descriptors, sockets, heap after a full collection.
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface Resources {
  readonly descriptors: number;
  readonly sockets: number;
  readonly heapMib: number;
  readonly externalMib: number;
}

export function resources(): Resources {
  if (!globalThis.gc) throw new Error('the soak needs node --expose-gc');
  for (let round = 0; round < 3; round++) globalThis.gc();
  const open = readdirSync('/proc/self/fd').map(target);
  const { heapUsed, external } = process.memoryUsage();
  return { descriptors: open.length, sockets: open.filter((name) => name.startsWith('socket:')).length, heapMib: mib(heapUsed), externalMib: mib(external) };
}

/** Waits until sockets neither close nor open any more: pools let go of idle connections after a while. */
export async function settled(limitMs: number): Promise<Resources> {
  const end = Date.now() + limitMs;
  let before = resources();
  for (let calm = 0; calm < 6 && Date.now() < end; ) {
    await delay(500);
    const now = resources();
    calm = now.sockets === before.sockets && Math.abs(now.heapMib - before.heapMib) < 0.2 ? calm + 1 : 0;
    before = now;
  }
  return before;
}

/** Empty for a descriptor that was closed meanwhile. */
function target(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

const mib = (bytes: number): number => Math.round((bytes / 1024 / 1024) * 100) / 100;
