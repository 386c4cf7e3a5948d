import { expect, test } from 'vitest'
import { sweepKills } from './kill-sweep.ts'
import { lacking, MEDIA } from './media.ts'

// A few of the kills that `pnpm faults kills` tries: 300 and more.
const KILLS = 8

for (const medium of MEDIA) {
  test(`SIGKILL of a process that trains a table in ${medium} loses no version and tears no row, readers notice nothing`, async ({
    skip,
  }) => {
    const why = lacking(medium)
    if (why) skip(why)
    const { kills, totalKills, missed, pinned, breaches, calls } = await sweepKills({ medium, kills: KILLS })
    expect(breaches).toEqual([])
    expect(totalKills + missed).toBe(KILLS)
    expect(missed).toBeLessThan(2)
    expect(kills.write).toBeGreaterThan(2)
    expect(kills.flush + kills.put).toBeGreaterThan(1)
    expect(pinned).toBeGreaterThan(0)
    expect(calls.write).toBeGreaterThan(40)
  }, 180_000)
}

test('SIGKILL finds out a driver that writes later than it says', async () => {
  const { totalKills, breaches } = await sweepKills({ medium: 'late', kills: 3 })
  expect(totalKills).toBe(3)
  expect(breaches).toHaveLength(3)
  for (const breach of breaches) expect(breach).toMatch(/does not match its checksum|is wrong from/)
}, 180_000)
