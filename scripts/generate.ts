// Writes every generated file; with `--check`, fails where a committed one differs instead. Each is a pure function of sources.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderReasons } from '../packages/core/src/reasons/render.ts';
import { renderCodecs } from '../packages/wire/generate/render-codecs.ts';
import { renderMessages } from '../packages/wire/generate/render-messages.ts';

import { renderMetrics } from './render-metrics.ts';

interface Generated {
  readonly path: string;
  readonly text: string;
}

const files: readonly Generated[] = [
  { path: 'docs/metrics.md', text: renderMetrics() },
  { path: 'docs/reasons.md', text: renderReasons() },
  { path: 'packages/wire/src/gen/codecs.ts', text: await renderCodecs() },
  { path: 'packages/wire/src/gen/messages.ts', text: renderMessages() },
];

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
