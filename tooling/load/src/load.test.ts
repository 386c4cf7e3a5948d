import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { quantile, summarize } from './summary.ts'

describe('a summary', () => {
  test('has quantiles, fairness and errors of all clients', () => {
    expect(quantile([5, 1, 4, 2, 3], 0.5)).toBe(3)
    expect(quantile([], 0.5)).toBe(Number.NaN)
    const client = (tokens: number, errors: [string, number][]) => ({
      firstToken: [10, 20],
      between: [1, 2, 3],
      requests: 2,
      tokens,
      errors: new Map(errors),
    })
    const mib = 2 ** 20
    expect(
      summarize([client(10, [['429', 2]]), client(20, [['429', 1]])], 3, [100 * mib, 110 * mib, 105 * mib]),
    ).toEqual({
      clients: 2,
      seconds: 3,
      requests: 4,
      tokens: 30,
      tokensPerSecond: 10,
      timeToFirstToken: { p50: 20, p95: 20, p99: 20 },
      interTokenLatency: { p50: 2, p95: 3, p99: 3 },
      unfairness: 2,
      errors: { 429: 3 },
      memory: { warm: 100, end: 105, most: 110 },
    })
  })
})

test('pnpm load serve streams from a server of its own and stops it', async () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const args = ['serve', '--clients', '3', '--seconds', '2', '--max-tokens', '8', '--lengths', '4,8', '--json']
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  expect(await once(child, 'close')).toEqual([0, null])
  const summary = JSON.parse(said) as Record<string, number>
  expect(summary).toMatchObject({ clients: 3, errors: {}, exitCode: 0 })
  expect(summary['tokens']).toBeGreaterThanOrEqual(8)
})
