import { expect, test } from 'vitest'
import { measureMemoryBandwidth } from './memory-bandwidth.ts'

test('reading memory is faster than a disk and slower than light', async ({ skip }) => {
  const found = await measureMemoryBandwidth({ bytes: 2 ** 24, rounds: 2 })
  if (found === undefined) return skip('the C library is not glibc')
  expect(found).toBeGreaterThan(1e8)
  expect(found).toBeLessThan(1e13)
})
