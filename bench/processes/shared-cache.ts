// Whether the cache that all cores share is there for what runs here: on a virtual machine it is other tenants' too. What left a core's own caches comes from it, or,
// where others keep it busy, from memory.
import { randomInt, seeded } from '@weft/core';

const LINE_BYTES = 64;
const STEP = LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;
/** More than a core has for itself, a part of what cores share on any server. */
const WITHIN_BYTES = 8 * 2 ** 20;
/** More than they share. */
const BEYOND_BYTES = 96 * 2 ** 20;
const TIMED_LINES = 32 * 1024;

interface Walk {
  /** Each line names the next: one cycle through all, in an order that no processor guesses. */
  readonly next: Int32Array;
  readonly lines: number;
  at: number;
}

let within: Walk | undefined;
let beyond: Walk | undefined;

/**
 * What a step of a walk costs through 8 MiB that were just walked through, as a share of one through memory: 0.1 to 0.3 where the shared cache holds them, near 1 where
 * others have taken it. Takes some thirty milliseconds.
 */
export function sharedCacheCost(): number {
  within ??= walkThrough(WITHIN_BYTES);
  beyond ??= walkThrough(BEYOND_BYTES);
  const memoryNs = stepNs(beyond);
  walk(within, within.lines);
  return stepNs(within) / memoryNs;
}

function stepNs(through: Walk): number {
  const from = process.hrtime.bigint();
  walk(through, TIMED_LINES);
  return Number(process.hrtime.bigint() - from) / TIMED_LINES;
}

function walk(through: Walk, lines: number): void {
  const { next } = through;
  let { at } = through;
  for (let i = 0; i < lines; i++) at = next[at] as number;
  through.at = at;
}

/** Sattolo's shuffle. */
function walkThrough(bytes: number): Walk {
  const lines = bytes / LINE_BYTES;
  const order = Int32Array.from({ length: lines }, (_, n) => n);
  const random = seeded(1);
  for (let i = lines - 1; i > 0; i--) {
    const j = randomInt(random, i);
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  const next = new Int32Array(lines * STEP);
  for (let i = 0; i < lines; i++) next[(order[i] as number) * STEP] = (order[(i + 1) % lines] as number) * STEP;
  return { next, lines, at: 0 };
}
