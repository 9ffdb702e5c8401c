// At most so many at once; the others wait for their turn, in order.

export interface Gate {
  /** Calls `work` when there is room; settles as it does. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function gate(max: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run(work) {
      if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        return await work();
      } finally {
        // The place is handed on, so that nobody comes in between.
        const next = waiting.shift();
        if (next) next();
        else running--;
      }
    },
  };
}
