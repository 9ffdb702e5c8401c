// Runs targets in a thread that is watched: one that hangs, dies or eats the memory is a finding, and a new thread takes over.
import { Worker } from 'node:worker_threads';
import type { LoopResult, LoopTask } from './loop.ts';
import { lastInput, watchedInput } from './watched-input.ts';

/** Time after which one input counts as hanging. */
const HANG_MS = 15_000;
const MAX_HEAP_MIB = 768;

export class WatchedLoop {
  #worker: Worker | undefined;

  async run(task: Omit<LoopTask, 'watched'>): Promise<LoopResult> {
    const watched = watchedInput();
    this.#worker ??= new Worker(new URL('./worker.mjs', import.meta.url), {
      workerData: { module: new URL('./loop.ts', import.meta.url).href },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    const worker = this.#worker;
    const ended = new AbortController();
    try {
      return await new Promise<LoopResult>((resolve) => {
        const broken = (error: string): void => {
          const { beat, input } = lastInput(watched);
          this.#worker = undefined;
          void worker.terminate();
          resolve({ executions: beat, kinds: 0, kept: 0, finding: { error, minimisedHex: input.toString('hex') } });
        };
        const onError = (error: Error): void => broken(`the thread died: ${error.stack ?? error.message}`);
        const onExit = (code: number): void => broken(`the thread ended with ${code}`);
        worker.once('message', resolve).once('error', onError).once('exit', onExit);
        ended.signal.addEventListener('abort', () => worker.off('message', resolve).off('error', onError).off('exit', onExit));
        let before = 0;
        const watchdog = setInterval(() => {
          const { beat } = lastInput(watched);
          // Before the first input the thread is loading.
          if (beat > 0 && beat === before) broken(`hangs: no end after ${HANG_MS} ms`);
          before = beat;
        }, HANG_MS);
        ended.signal.addEventListener('abort', () => clearInterval(watchdog));
        worker.postMessage({ ...task, watched } satisfies LoopTask);
      });
    } finally {
      ended.abort();
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
