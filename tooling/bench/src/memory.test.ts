import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { anonymousMemory, peakMemory } from './memory.ts'

test.skipIf(!existsSync('/proc/self/status'))('the peak includes memory that is gone again', async () => {
  const before = anonymousMemory(process.pid)!
  const peak = await peakMemory(process.pid, async () => {
    const block = Buffer.alloc(200_000_000, 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    return block.length
  })
  expect(peak! - before).toBeGreaterThan(150_000_000)
})

test('a process that is not there has none', () => expect(anonymousMemory(2 ** 30)).toBeUndefined())
