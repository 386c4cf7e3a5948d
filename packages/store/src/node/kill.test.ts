import { expect, test } from 'vitest'
import { sweepKills } from './testing/kill-sweep.ts'

test(
  'SIGKILL at 60 operations of the file system, spread over all: what had resolved is there, the lock is free',
  { timeout: 180_000 },
  async () => {
    const { operations, kills, breaches } = await sweepKills(1, 60)
    expect(breaches).toEqual([])
    expect(kills).toBe(60)
    expect(operations).toBeGreaterThan(200)
  },
)
