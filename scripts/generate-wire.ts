// Regenerates packages/wire/src/gen from packages/wire/proto. With --check: fails when what is committed differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderCodecs } from '../packages/wire/generate/render-codecs.ts';
import { renderMessages } from '../packages/wire/generate/render-messages.ts';

const gen = fileURLToPath(new URL('../packages/wire/src/gen/', import.meta.url));
const files = { 'codecs.ts': await renderCodecs(), 'messages.ts': renderMessages() };
const check = process.argv.includes('--check');

for (const [name, text] of Object.entries(files)) {
  if (!check) writeFileSync(gen + name, text);
  else if (readFileSync(gen + name, 'utf8') !== text) {
    console.error(`packages/wire/src/gen/${name} is not what packages/wire/proto gives: run npx tsx scripts/generate-wire.ts`);
    process.exitCode = 1;
  }
}
