// One line of a journal: a checksum and what it covers. A line is written at once, so only the last one of a file can be torn.
import { crc32 } from 'node:zlib';
import { isObject, type Json, type JsonObject } from '../json/json.ts';

/** A change as it is kept: the whole object, or the key of one that is gone. */
export type JournalEntry =
  | { readonly collection: string; readonly version: number; readonly object: string }
  | { readonly collection: string; readonly version: number; readonly gone: string };

export interface JournalHead {
  readonly format: 'weft-journal/1';
  /** PEM that service account tokens are signed with, so that they outlive the process. */
  readonly key: string;
  /** Version of the state that follows, when the file was written. */
  readonly version: number;
}

const ENCODER = new TextEncoder();

/** A line is read at once: with these it stays below what an object may take and as much again. */
const LINE_ENTRIES = 256;
const LINE_LENGTH = 4 * 1024 * 1024;

/** In lines of a bounded length. What is torn is dropped from the first bad line on, and nothing of it was acknowledged. */
export function batchLines(entries: Iterable<JournalEntry>): string[] {
  const lines: string[] = [];
  let some: JournalEntry[] = [];
  let length = 0;
  for (const entry of entries) {
    length += 'object' in entry ? entry.object.length : entry.gone.length;
    if (some.push(entry) < LINE_ENTRIES && length < LINE_LENGTH) continue;
    lines.push(batchLine(some));
    some = [];
    length = 0;
  }
  if (some.length > 0) lines.push(batchLine(some));
  return lines;
}

/** The objects are JSON texts already, and none has a line break. */
function batchLine(entries: readonly JournalEntry[]): string {
  const texts = entries.map((entry) => {
    const head = `{"collection":${JSON.stringify(entry.collection)},"version":${entry.version}`;
    return 'object' in entry ? `${head},"object":${entry.object}}` : `${head},"gone":${JSON.stringify(entry.gone)}}`;
  });
  return line(`[${texts.join(',')}]`);
}

export function headLine(head: JournalHead): string {
  return line(JSON.stringify(head));
}

function line(text: string): string {
  return `${crc32(ENCODER.encode(text)).toString(16).padStart(8, '0')} ${text}\n`;
}

/** What a line says; undefined when it is torn or damaged. */
export function readLine(bytes: Uint8Array): Json | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (text.length < 10 || text[8] !== 0x20) return undefined;
  if (text.toString('latin1', 0, 8) !== crc32(text.subarray(9)).toString(16).padStart(8, '0')) return undefined;
  return JSON.parse(text.toString('utf8', 9)) as Json;
}

export function isHead(value: Json): value is JsonObject & JournalHead {
  return isObject(value) && value.format === 'weft-journal/1' && typeof value.key === 'string' && typeof value.version === 'number';
}
