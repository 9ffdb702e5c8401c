// The kept inputs: small files in a folder per target, named by their content.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folderOf = (target: string): URL => new URL(`./corpus/${target}/`, import.meta.url);
/** Larger inputs are not kept. */
const MAX_KEPT_BYTES = 1_024;
/** Of one target; more are not kept. */
const MAX_KEPT = 40;

export function readCorpus(target: string): readonly Buffer[] {
  const folder = folderOf(target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => readFileSync(new URL(name, folder)));
}

/** Answers how many are new. */
export function keepInputs(target: string, inputs: Iterable<Buffer>): number {
  const folder = folderOf(target);
  mkdirSync(folder, { recursive: true });
  const room = MAX_KEPT - readdirSync(folder).length;
  let added = 0;
  for (const input of inputs) {
    if (added >= room) break;
    const file = new URL(createHash('sha256').update(input).digest('hex').slice(0, 12), folder);
    if (input.length > MAX_KEPT_BYTES || existsSync(file)) continue;
    writeFileSync(file, input);
    added++;
  }
  return added;
}
