// `npm run bench`: this project's parts and its whole proxy against the peers found on this machine, in one run.
import { constants } from 'node:os';
import { boolFlag, listFlag, parseFlags, renderUsage } from '@weft/process';
import { machine } from './machine.ts';
import { meshIdentity } from './mesh-identity.ts';
import { runInOwnNetwork } from './own-network.ts';
import { PEERS } from './peers/index.ts';
import { pinningObstacle, pinRest } from './processes/cores.ts';
import { type BenchReport, renderScenario, type ScenarioReport } from './report.ts';
import type { ScenarioContext } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';

const SPEC = {
  json: boolFlag({ default: false, help: 'print one JSON object' }),
  quick: boolFlag({ default: false, help: 'shorter and less exact, under two minutes' }),
  only: listFlag({ default: [], help: 'names of scenarios' }),
  peers: listFlag({ default: [], help: 'names of proxies' }),
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
  const { json, quick, only, peers } = parsed.values;
  const problems = [
    ...unknown('scenario', only, known),
    ...unknown(
      'proxy',
      peers,
      PEERS.map(({ name }) => name),
    ),
  ];
  if (problems.length > 0) {
    console.error(problems.join('\n'));
    return 64;
  }
  // Only this peer needs one.
  if (process.env['LINKERD2_PROXY_BIN'] !== undefined) {
    const status = await runInOwnNetwork();
    if (status !== undefined) return status;
  }
  // Every child is killed on the way out, whatever the way is.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(128 + constants.signals[signal]));
  pinRest();
  const about = machine();
  if (!json)
    console.log(
      Object.entries(about)
        .map(([key, value]) => `${key}: ${value}`)
        .join('\n'),
    );
  if (pinningObstacle !== undefined) console.error(`processes are not pinned to cores: ${pinningObstacle}`);
  const identity = await meshIdentity();
  process.once('exit', identity.close);
  const context: ScenarioContext = {
    quick,
    identity,
    takesPart: (name) => peers.length === 0 || peers.includes(name),
    log: (line) => console.error(line),
  };
  const scenarios: ScenarioReport[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const report = await scenario.run(context);
    scenarios.push(report);
    if (!json) console.log(renderScenario(report));
  }
  if (json) console.log(JSON.stringify({ machine: about, scenarios } satisfies BenchReport));
  return 0;
}

function unknown(kind: string, names: readonly string[], known: readonly string[]): string[] {
  const wrong = names.filter((name) => !known.includes(name));
  return wrong.length === 0 ? [] : [`no such ${kind}: ${wrong.join(', ')}; there are ${known.join(', ')}`];
}

process.exitCode = await main(process.argv.slice(2));
