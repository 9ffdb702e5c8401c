// The thread that runs targets, one after another as they are asked for, and reports how each went. The main thread watches it.
import { parentPort } from 'node:worker_threads';
import { keepInputs, readCorpus } from './corpus.ts';
import { runTarget } from './run-target.ts';
import { TARGETS } from './targets/index.ts';
import { recordInput, type WatchedInput } from './watched-input.ts';

export interface LoopTask {
  readonly target: string;
  readonly seed: number;
  readonly ms: number;
  readonly keep: boolean;
  /** Only this input, in hexadecimal. */
  readonly replay?: string | undefined;
  readonly watched: WatchedInput;
}

export interface LoopResult {
  readonly executions: number;
  readonly kinds: number;
  readonly kept: number;
  readonly finding?: { readonly error: string; readonly minimisedHex: string } | undefined;
}

async function run(task: LoopTask): Promise<LoopResult> {
  const target = TARGETS.find((one) => one.name === task.target);
  if (!target) throw new RangeError(`no target is called ${task.target}`);
  const started = performance.now();
  const { replay } = task;
  const report = await runTarget({
    target: replay === undefined ? target : { ...target, seeds: () => [] },
    corpus: replay === undefined ? readCorpus(target.name) : [Buffer.from(replay, 'hex')],
    seed: task.seed,
    more: () => replay === undefined && performance.now() - started < task.ms,
    onInput: (input) => recordInput(task.watched, input),
  });
  const { finding } = report;
  return {
    executions: report.executions,
    kinds: report.kinds.size,
    kept: task.keep ? keepInputs(target.name, report.kinds.values()) : 0,
    finding: finding && { error: finding.error.stack ?? String(finding.error), minimisedHex: finding.minimised.toString('hex') },
  };
}

// The YAML library warns of odd documents; here all are.
process.removeAllListeners('warning');
parentPort?.on('message', (task: LoopTask) => void run(task).then((result) => parentPort?.postMessage(result)));
