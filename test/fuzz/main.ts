// `npm run fuzz`: every parser, changed inputs from a seed, for a time. Exit status 1 with the seed and the smallest input at a finding.
import { randomInt } from 'node:crypto';
import { boolFlag, intFlag, listFlag, parseFlags, renderUsage, stringFlag } from '@weft/process';
import { TARGETS } from './targets/index.ts';
import { WatchedLoop } from './watched-loop.ts';

const SPEC = {
  seconds: intFlag({ default: Number(process.env['FUZZ_SECONDS'] ?? 20), help: 'time for all targets together (also FUZZ_SECONDS)', min: 1 }),
  seed: intFlag({ default: randomInt(2 ** 31), help: 'repeats a run; random where not given', min: 0, max: 2 ** 32 - 1 }),
  only: listFlag({ default: [], help: 'names of targets' }),
  keep: boolFlag({ default: false, help: 'add inputs that bring new kinds of outcome to the corpus' }),
  replay: stringFlag({ default: '', help: 'one input in hexadecimal; needs --only' }),
};

const out = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(SPEC, argv);
  if (parsed.kind !== 'ok') {
    if (parsed.kind === 'errors') out(parsed.errors.join('\n'));
    out(`${renderUsage(SPEC, { name: 'npm run fuzz --' })}\nTargets: ${TARGETS.map(({ name }) => name).join(' ')}`);
    return parsed.kind === 'errors' ? 64 : 0;
  }
  const { seconds, seed, only, keep } = parsed.values;
  const replay = parsed.given.has('replay') ? parsed.values.replay : undefined;
  const unknown = only.filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0 || (replay !== undefined && only.length !== 1)) {
    out(unknown.length > 0 ? `no such target: ${unknown.join(', ')}` : '--replay needs one target in --only');
    return 64;
  }
  const names = TARGETS.map(({ name }) => name).filter((name) => only.length === 0 || only.includes(name));
  out(`seed ${seed}, ${names.length} targets, ${seconds} s`);
  const loop = new WatchedLoop();
  let findings = 0;
  for (const target of names) {
    const started = performance.now();
    const { executions, kinds, kept, finding } = await loop.run({ target, seed, ms: (seconds * 1000) / names.length, keep, replay });
    const perSecond = Math.round((executions * 1000) / (performance.now() - started));
    const numbers = `${String(executions).padStart(8)} inputs ${String(perSecond).padStart(7)}/s ${String(kinds).padStart(5)} kinds`;
    out(`${finding ? 'FOUND ' : 'ok    '} ${target.padEnd(32)} ${numbers}${kept > 0 ? `, ${kept} kept` : ''}`);
    if (!finding) continue;
    findings++;
    out(`${finding.error}\nseed ${seed}, smallest input: ${finding.minimisedHex}\nrepeat: npm run fuzz -- --only=${target} --replay=${finding.minimisedHex}\n`);
  }
  await loop.close();
  out(`${names.length} targets, ${findings} findings, seed ${seed}`);
  return findings === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
