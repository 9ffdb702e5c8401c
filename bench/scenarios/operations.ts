// Measures single operations in this process: batches until time is up, the median batch counts.
import { type OperationFigures, round } from '../report.ts';

export interface Operation {
  readonly name: string;
  /** Does the operation `count` times and answers something that depends on all of them, so that none is optimised away. */
  run(count: number): number;
}

const BATCH_MS = 20;

/** All operations take turns, so that a disturbance meets every one. */
export function measureOperations(operations: readonly Operation[], quick: boolean): Record<string, OperationFigures> {
  let kept = 0;
  const state = operations.map((operation) => {
    let count = 1;
    // Also warms up.
    for (let took = 0; took < BATCH_MS; count *= 2) {
      const started = performance.now();
      kept += operation.run(count);
      took = performance.now() - started;
    }
    return { operation, count, batches: [] as number[] };
  });
  for (let number = 0; number < (quick ? 15 : 60); number++) {
    for (const { operation, count, batches } of state) {
      const started = performance.now();
      kept += operation.run(count);
      batches.push(((performance.now() - started) * 1e6) / count);
    }
  }
  if (Number.isNaN(kept)) throw new Error('an operation answers nothing');
  return Object.fromEntries(
    state.map(({ operation, batches }) => {
      const median = batches.sort((a, b) => a - b)[Math.floor(batches.length / 2)] ?? Number.NaN;
      return [operation.name, { ns_per_operation: round(median, 1), operations_per_second: round(1e9 / median, 0) }];
    }),
  );
}
