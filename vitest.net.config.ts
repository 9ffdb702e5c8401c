// Network namespaces and real iptables: needs root. The acceptance cases run here once more, behind real redirect rules.
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const pool = { ...base.test, fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  ...base,
  test: {
    reporters: base.test?.reporters ?? [],
    projects: [
      { ...base, test: { ...pool, name: 'net', include: ['test/net/**/*.test.ts'] } },
      {
        ...base,
        test: {
          ...pool,
          name: 'redirect',
          include: ['test/acceptance/{cases,mixed,whole-mesh}/**/*.test.ts'],
          isolate: true,
          testTimeout: 20_000,
          setupFiles: ['./scripts/vitest-seed.ts', './test/acceptance/process/own-network.ts'],
        },
      },
    ],
  },
});
