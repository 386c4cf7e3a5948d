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
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What programs print is the same on a terminal, in a pipe and in CI (where picocolors would colour it).
    env: { NO_COLOR: '1', FORCE_COLOR: '0' },
  },
})
