// Reading a journal back: the state that it leads to, and where its good part ends.
import type { FileHandle } from 'node:fs/promises';
import { isObject, type Json, type JsonObject } from '../json/json.ts';
import { isHead, type JournalHead, readLine } from './journal-record.ts';
import { objectKey } from './object-key.ts';

export interface RestoredObject {
  readonly collection: string;
  readonly key: string;
  readonly object: JsonObject;
  readonly version: number;
}

export interface Restored {
  readonly head: JournalHead;
  /** The newest version of anything. */
  readonly version: number;
  readonly objects: ReadonlyMap<string, RestoredObject>;
  /** Bytes that are good; what follows was torn while it was written and never acknowledged. */
  readonly goodBytes: number;
}

const CHUNK = 1024 * 1024;
const MAX_HEAD = 4096;
/** No batch is longer: a file with a longer line is not ours. */
const MAX_LINE = 512 * 1024 * 1024;

/** Undefined for a file without so much as a head. Throws Error for one that is damaged before its end. */
export async function readJournal(file: FileHandle, path: string): Promise<Restored | undefined> {
  const { size } = await file.stat();
  const objects = new Map<string, RestoredObject>();
  let head: JournalHead | undefined;
  let version = 0;
  let good = 0;
  for await (const { bytes, end } of lines(file)) {
    const value = readLine(bytes);
    if (value === undefined) {
      if (end < size) throw new Error(`the journal ${path} is damaged at byte ${good}, and goes on after it: restore it, or move it away to begin anew`);
      break;
    }
    if (!head) {
      if (!isHead(value)) throw new Error(`${path} is not a journal of this server`);
      head = value;
      version = value.version;
    } else for (const entry of Array.isArray(value) ? value : []) version = Math.max(version, replay(entry, objects));
    good = end;
  }
  // A head is written before anything else: a file that begins otherwise and is longer than one is somebody else's.
  if (!head && size > MAX_HEAD) throw new Error(`${path} is not a journal of this server`);
  return head && { head, version, objects, goodBytes: good };
}

function replay(entry: Json, objects: Map<string, RestoredObject>): number {
  if (!isObject(entry) || typeof entry.collection !== 'string' || typeof entry.version !== 'number') return 0;
  const { collection, version, object, gone } = entry;
  if (typeof gone === 'string') objects.delete(`${collection} ${gone}`);
  else if (isObject(object)) {
    const key = objectKey(object);
    objects.set(`${collection} ${key}`, { collection, key, object, version });
  }
  return version;
}

/** Whole lines without their ends; `end` is the place behind each. */
async function* lines(file: FileHandle): AsyncGenerator<{ readonly bytes: Uint8Array; readonly end: number }> {
  let rest = Buffer.alloc(0);
  let at = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, at + rest.length);
    if (bytesRead === 0) return;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let start = 0;
    for (let stop = rest.indexOf(0x0a); stop >= 0; stop = rest.indexOf(0x0a, start)) {
      yield { bytes: rest.subarray(start, stop), end: at + stop + 1 };
      start = stop + 1;
    }
    rest = rest.subarray(start);
    at += start;
    if (rest.length > MAX_LINE) throw new Error(`the journal has a line of more than ${MAX_LINE} bytes`);
  }
}
