// Writes every generated file; with `--check`, fails where a committed one differs instead. Each is a pure function of sources.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderReasons } from '@weft/core';
import { generateWire } from './generate-wire.ts';

interface Generated {
  readonly path: string;
  readonly text: string;
}

const files: readonly Generated[] = [{ path: 'docs/reasons.md', text: renderReasons() }, ...(await generateWire())];

const check = process.argv.includes('--check');
const stale = files.filter(({ path, text }) => read(path) !== text);
if (!check) for (const { path, text } of stale) writeFileSync(path, text);
for (const { path } of stale) console.log(check ? `${path} is not current: run npm run generate` : `wrote ${path}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
