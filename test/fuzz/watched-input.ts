// The input that is being tried, in memory that both threads see: when the loop hangs or dies, the main thread can still say on what.
import { MAX_INPUT_BYTES } from './mutate.ts';

export interface WatchedInput {
  readonly control: SharedArrayBuffer;
  readonly bytes: SharedArrayBuffer;
}

const BEAT = 0;
const LENGTH = 1;
/** Seeds may be longer than what is made of them. */
const CAPACITY = 4 * MAX_INPUT_BYTES;

export const watchedInput = (): WatchedInput => ({ control: new SharedArrayBuffer(8), bytes: new SharedArrayBuffer(CAPACITY) });

export function recordInput(to: WatchedInput, input: Buffer): void {
  const shown = input.subarray(0, CAPACITY);
  new Uint8Array(to.bytes).set(shown);
  const control = new Int32Array(to.control);
  Atomics.store(control, LENGTH, shown.length);
  Atomics.add(control, BEAT, 1);
}

/** `beat` changes with every input. */
export function lastInput(from: WatchedInput): { readonly beat: number; readonly input: Buffer } {
  const control = new Int32Array(from.control);
  const beat = Atomics.load(control, BEAT);
  return { beat, input: Buffer.from(new Uint8Array(from.bytes).slice(0, Atomics.load(control, LENGTH))) };
}
