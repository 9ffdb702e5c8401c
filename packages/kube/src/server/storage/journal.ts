// The journal file: every change on disk before it is acknowledged. Writes that come together share one fsync; a file that has grown
// far beyond the state it holds is written anew. `design.md` §6.
import { type FileHandle, open, rename } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '@weft/core';
import { internal } from '../errors/api-error.ts';
import type { Durability } from './durability.ts';
import { acquireLock } from './journal-lock.ts';
import { type Restored, readJournal } from './journal-read.ts';
import { batchLines, headLine, type JournalEntry } from './journal-record.ts';

export interface JournalOptions {
  readonly path: string;
  /** The file is written anew when it is longer than this and than four times the state. In bytes. */
  readonly compactAboveBytes: number;
  /** Makes the signing key of a new journal, as PEM. */
  readonly newKey: () => string;
  /** Version that a new journal begins with. */
  readonly startVersion: number;
  readonly logger: Logger;
}

export interface Journal extends Durability {
  readonly restored: Restored;
  /** Everything that is there, for a new file. Must be given before the first change. */
  snapshotFrom(source: () => { readonly version: number; readonly entries: Iterable<JournalEntry> }): void;
  /** Keeps what is pending, then closes the file. Idempotent. */
  close(): Promise<void>;
}

/** Rejects for a file that is damaged, not a journal, or in use. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const unlock = await acquireLock(`${options.path}.lock`);
  let file: FileHandle | undefined;
  try {
    // Secrets are in it.
    file = await open(options.path, 'a+', 0o600);
    const found = await readJournal(file, options.path);
    const restored = found ?? (await begin(file, options));
    const { size } = await file.stat();
    if (size > restored.goodBytes) {
      options.logger.log('warn', 'the last write of the journal was torn, and is dropped', { path: options.path, bytes: size - restored.goodBytes });
      await file.truncate(restored.goodBytes);
      await file.sync();
    }
    return running(options, file, restored, unlock);
  } catch (error) {
    await file?.close();
    await unlock();
    throw error;
  }
}

async function begin(file: FileHandle, { path: name, newKey, startVersion }: JournalOptions): Promise<Restored> {
  const head = { format: 'weft-journal/1', key: newKey(), version: startVersion } as const;
  await file.truncate(0);
  const text = headLine(head);
  await file.appendFile(text);
  await file.sync();
  await syncDirectory(name);
  return { head, version: startVersion, objects: new Map(), goodBytes: Buffer.byteLength(text) };
}

/** A file's name is only safe when its directory is. */
async function syncDirectory(file: string): Promise<void> {
  const directory = await open(path.dirname(path.resolve(file)), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function running(options: JournalOptions, first: FileHandle, restored: Restored, unlock: () => Promise<void>): Journal {
  let file = first;
  let size = restored.goodBytes;
  let stateBytes = restored.goodBytes;
  let pending: JournalEntry[] = [];
  let waiting: ((error?: Error) => void)[] = [];
  let flushing: Promise<void> | undefined;
  let broken: Error | undefined;
  let source: Parameters<Journal['snapshotFrom']>[0] | undefined;

  const keep = async (entries: readonly JournalEntry[]): Promise<void> => {
    if (source && size > options.compactAboveBytes && size > 4 * stateBytes) return compact(source());
    for (const line of batchLines(entries)) {
      await file.appendFile(line);
      size += Buffer.byteLength(line);
    }
    await file.datasync();
  };
  /** The new file holds everything up to now, so what is pending needs no line of its own. */
  const compact = async ({ version, entries }: ReturnType<NonNullable<typeof source>>): Promise<void> => {
    const temporary = `${options.path}.new`;
    // Taken before the first await: the state as it is now.
    const parts = [headLine({ ...restored.head, version }), ...batchLines(entries)];
    const next = await open(temporary, 'w', 0o600);
    try {
      for (const part of parts) await next.appendFile(part);
      await next.sync();
      await rename(temporary, options.path);
      await syncDirectory(options.path);
    } catch (error) {
      await next.close();
      throw error;
    }
    await file.close();
    file = next;
    size = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
    stateBytes = size;
    options.logger.log('info', 'the journal was written anew', { path: options.path, bytes: size });
  };
  const flush = async (): Promise<void> => {
    while (pending.length > 0 || waiting.length > 0) {
      const batch = pending;
      const told = waiting;
      pending = [];
      waiting = [];
      let error: Error | undefined;
      try {
        if (batch.length > 0) await keep(batch);
      } catch (cause) {
        error = new Error(`the journal ${options.path} cannot be written: ${String(cause)}`, { cause });
        broken = error;
        options.logger.log('error', 'the journal cannot be written: no change is accepted any more', { path: options.path, error: String(cause) });
      }
      for (const done of told) done(error);
      if (error) {
        for (const done of waiting.splice(0)) done(error);
        pending = [];
      }
    }
    flushing = undefined;
  };

  return {
    restored,
    record(entry) {
      if (broken) throw internal(broken.message);
      pending.push(entry);
      // In the next turn, so that what is written in this one goes along.
      flushing ??= new Promise<void>((resolve) => void setImmediate(resolve)).then(flush);
    },
    whenKept(done) {
      if (broken) done(broken);
      else if (flushing) waiting.push(done);
      else done();
    },
    snapshotFrom(given) {
      source = given;
      stateBytes = 0;
      for (const entry of given().entries) stateBytes += 'object' in entry ? entry.object.length : 0;
    },
    async close() {
      await flushing;
      broken ??= new Error('the journal is closed');
      await file.close();
      await unlock();
    },
  };
}
