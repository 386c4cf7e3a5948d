import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'apps/*/src/**/*.test.ts',
      'tooling/**/*.test.ts',
      'examples/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // Each test file gets a process of its own: tfjs keeps one global engine per process.
    pool: 'forks',
    // Tests wait for servers and processes much of the time, so that two share even two cores well; the default there is one.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What programs print is the same on a terminal, in a pipe and in CI (where picocolors would colour it).
    env: { NO_COLOR: '1', FORCE_COLOR: '0' },
  },
})
