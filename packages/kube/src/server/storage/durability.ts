// When a change may be told of: at once where everything is in memory, or as soon as a journal has it on disk.
import type { JournalEntry } from './journal-record.ts';

export interface Durability {
  /** Called for each change, in order. Throws ApiError when nothing can be kept any more. */
  record(entry: JournalEntry): void;
  /** Calls `done` when everything recorded so far is kept, in order of asking; with an error when it could not be. At once when nothing is pending. */
  whenKept(done: (error?: Error) => void): void;
}

export const inMemory: Durability = { record: () => undefined, whenKept: (done) => done() };
