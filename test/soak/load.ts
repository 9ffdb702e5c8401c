// The load, a process of its own, so that what is measured holds proxies and nothing else: the applications, and the clients that the churns are.
import { startApplications } from './applications.ts';
import { runRounds } from './churn.ts';
import { CHURNS } from './churns/index.ts';
import { dieLoudly } from './die-loudly.ts';
import type { FromLoad, ToLoad } from './load-process.ts';

dieLoudly('load');
const tell = (message: FromLoad): void => void process.send?.(message);

async function run({ churn: name, rounds, entries }: ToLoad): Promise<void> {
  const churn = CHURNS.find((one) => one.name === name);
  if (!churn) throw new RangeError(`no churn ${name}`);
  const running = churn.start({ ...entries, rotateEndpoints: () => tell({ kind: 'rotate' }) });
  try {
    await runRounds(rounds, churn.width, async (index) => {
      try {
        await running.round(index);
      } catch (cause) {
        throw new Error(`round ${index} of ${name}`, { cause });
      }
    });
  } finally {
    running.close();
  }
}

process.on('message', (command: ToLoad) => {
  run(command).then(
    () => tell({ kind: 'done' }),
    (error: Error) => tell({ kind: 'failed', stack: `${error.stack}\ncaused by ${(error.cause as Error | undefined)?.stack}` }),
  );
});
process.on('disconnect', () => process.exit(0));
tell({ kind: 'started', ports: await startApplications() });
