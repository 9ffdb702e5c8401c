// `npm run bench`: this project's parts and its whole proxy against the peers found on this machine, in one run.
import { boolFlag, listFlag, parseFlags, renderUsage } from '@weft/process';
import { machine } from './machine.ts';
import { type BenchReport, renderScenario, type ScenarioReport } from './report.ts';
import { SCENARIOS } from './scenarios/index.ts';

const SPEC = {
  json: boolFlag({ default: false, help: 'print one JSON object' }),
  quick: boolFlag({ default: false, help: 'shorter and less exact, under two minutes' }),
  only: listFlag({ default: [], help: 'names of scenarios' }),
};

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(SPEC, argv);
  const known = SCENARIOS.map(({ name }) => name);
  if (parsed.kind !== 'ok') {
    if (parsed.kind === 'errors') console.error(parsed.errors.join('\n'));
    console.log(
      `${renderUsage(SPEC, { name: 'npm run bench --' })}\nScenarios:\n${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}`,
    );
    return parsed.kind === 'errors' ? 64 : 0;
  }
  const { json, quick, only } = parsed.values;
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`no such scenario: ${unknown.join(', ')}; there are ${known.join(', ')}`);
    return 64;
  }
  const about = machine();
  if (!json)
    console.log(
      Object.entries(about)
        .map(([key, value]) => `${key}: ${value}`)
        .join('\n'),
    );
  const scenarios: ScenarioReport[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const report = await scenario.run({ quick, log: (line) => console.error(line) });
    scenarios.push(report);
    if (!json) console.log(renderScenario(report));
  }
  if (json) console.log(JSON.stringify({ machine: about, scenarios } satisfies BenchReport));
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
