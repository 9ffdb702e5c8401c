// Everything that needs no privileges. `npm test` runs this after a build.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['weft-source'], externalConditions: ['weft-source'] } },
  resolve: { conditions: ['weft-source'] },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/*/src/**/*.test.ts', 'test/{unit,contract,acceptance,docs}/**/*.test.ts', 'bench/**/*.test.ts'],
    // Not threads: while one of them starts a process, that has the listening sockets of the others too, and what was closed still accepts.
    pool: 'forks',
    // Most tests wait more than they compute.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    isolate: false,
    setupFiles: ['./scripts/vitest-seed.ts'],
    testTimeout: 20_000,
    // A poll ends when what it waits for is so; on a busy machine that takes its time.
    expect: { poll: { timeout: 10_000 } },
    reporters: ['default', './scripts/vitest-summary.ts'],
  },
});
