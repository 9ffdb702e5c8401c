// How busy others keep the cache that all cores of the machine share: on a virtual machine its tenants are other people's too, and what left the core's own caches then
// comes from memory.

const LINE_BYTES = 64;
/** More than a core has for itself, a part of what cores share on any server. */
const WALKED_BYTES = 8 * 2 ** 20;
const STEP = LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;
const LINES = WALKED_BYTES / LINE_BYTES;
const TIMED_LINES = LINES / 2;

/** Each line names the next one; one cycle through all, in an order that no processor guesses. */
const walked = cycle();

/** Nanoseconds of one step of a walk through 8 MiB that were just walked through. Takes some ten milliseconds. */
export function sharedCacheStepNs(): number {
  const at = walk(0, LINES);
  const from = process.hrtime.bigint();
  const end = walk(at, TIMED_LINES);
  const took = Number(process.hrtime.bigint() - from);
  // What nobody looks at need not be walked.
  return end < 0 ? Number.NaN : took / TIMED_LINES;
}

function walk(start: number, lines: number): number {
  let at = start;
  for (let i = 0; i < lines; i++) at = walked[at] as number;
  return at;
}

/** Sattolo's shuffle, from one seed. */
function cycle(): Int32Array {
  const order = Int32Array.from({ length: LINES }, (_, n) => n);
  let seed = 1;
  for (let i = LINES - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const j = Math.floor((seed / 2 ** 32) * i);
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  const next = new Int32Array(LINES * STEP);
  for (let i = 0; i < LINES; i++) next[(order[i] as number) * STEP] = (order[(i + 1) % LINES] as number) * STEP;
  return next;
}
