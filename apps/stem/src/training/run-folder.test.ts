import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { failedWith, makeFaultRuns, type FaultRuns } from '../testing/fault-runs.ts'

const MINUTES = 60_000 * 3
const dir = await mkdtemp(join(tmpdir(), 'stem-run-folder-'))
let runs: FaultRuns

beforeAll(async () => {
  runs = await makeFaultRuns(dir)
})
afterAll(() => rm(dir, { recursive: true }))

test(
  'one process trains in a run folder: others are refused in one line, and one that was killed is in no way',
  async () => {
    const first = runs.start('shared')
    await runs.taken('shared', 10)
    first.process.kill('SIGSTOP')
    expect(await runs.train('shared', '--resume')).toMatchObject(
      failedWith(new RegExp(`shared/lock: held by process ${first.process.pid}; wait for it or end it`)),
    )
    first.process.kill('SIGKILL')
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' })
    expect(await runs.train('shared', '--resume')).toMatchObject({ code: 0 })
    // Not a step twice, and none left out.
    const curve = (await runs.curveOf('shared')) as number[][]
    expect(curve.map(([index]) => index)).toEqual(curve.map((_, index) => index))
  },
  MINUTES,
)

test(
  'a new run that is only being prepared is refused to others, too, and free once it has failed',
  async () => {
    const both = [runs.start('new'), runs.start('new')]
    const codes = (await Promise.all(both.map(({ ended }) => ended))).map(({ code }) => code)
    expect(codes.toSorted()).toEqual([0, 1])

    const none = ['--set', 'data.heldOut=none.txt']
    for (const _ of [1, 2]) expect(await runs.train('failed', ...none)).toMatchObject(failedWith(/none\.txt/))
  },
  MINUTES,
)
