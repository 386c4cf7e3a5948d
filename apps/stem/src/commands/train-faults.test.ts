import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { latestCheckpoint } from '@stemkit/train/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failedWith, makeFaultRuns, stored, type FaultRuns } from '../testing/fault-runs.ts'

const MINUTES = 60_000 * 5

const dir = await mkdtemp(join(tmpdir(), 'stem-faults-'))
/** A disk of 2 MB in memory; false where this process may not mount one. */
const smallDisk = mountSmall(join(dir, 'small'))
let runs: FaultRuns
let resident: unknown[]

beforeAll(async () => {
  runs = await makeFaultRuns(dir)
  expect(await runs.train('resident')).toMatchObject({ code: 0 })
  resident = await runs.curveOf('resident')
}, MINUTES)
afterAll(async () => {
  if (smallDisk) execFileSync('umount', [join(dir, 'small')])
  await rm(dir, { recursive: true })
})

function mountSmall(folder: string): boolean {
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Writes a file until nothing more fits. */
function fillDisk(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, new Uint8Array(4096))
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  } finally {
    closeSync(file)
  }
}

describe('stem train with its tables in a file', () => {
  test(
    'interrupted, saves, exits with 130, and goes on to the numbers of a run left alone; a flipped byte stops it before',
    async () => {
      const rows = stored(`file:${runs.at('interrupted/rows')}`)
      const started = runs.start('interrupted/run', ...rows)
      await runs.taken('interrupted/run', 10)
      started.process.kill('SIGINT')
      expect(await started.ended).toMatchObject({
        code: 130,
        stdout: '',
        stderr: expect.stringMatching(/^interrupted; saved in [^\n]+ --resume goes on from there\n$/),
      })
      const before = await runs.curveOf('interrupted/run')
      expect(before.length).toBeLessThan(resident.length)
      await cp(runs.at('interrupted'), runs.at('flipped'), { recursive: true })

      expect(await runs.train('interrupted/run', '--resume', ...rows)).toMatchObject({ code: 0 })
      expect(await runs.curveOf('interrupted/run')).toEqual(resident)

      const damaged = stored(`file:${runs.at('flipped/rows')}`)
      const checkpoint = await latestCheckpoint(runs.at('flipped/run/checkpoints'))
      const { row, repair } = await flipByte(runs.at('flipped/rows'))
      const outcome = await runs.train('flipped/run', '--resume', ...damaged)
      expect(outcome).toMatchObject(
        failedWith(new RegExp(`flipped/rows/rows\\.bin: row ${row} \\(place \\d+\\) does not match its checksum`)),
      )
      // Nothing that came of it was kept: the checkpoint is the one from before, and each step that was noted is right.
      expect(await latestCheckpoint(runs.at('flipped/run/checkpoints'))).toBe(checkpoint)
      const noted = await runs.curveOf('flipped/run')
      expect(noted).toEqual(resident.slice(0, noted.length))

      await repair()
      expect(await runs.train('flipped/run', '--resume', ...damaged)).toMatchObject({ code: 0 })
      expect(await runs.curveOf('flipped/run')).toEqual(resident)
    },
    MINUTES,
  )

  test(
    'refuses to go on with tables that somebody else is at, who never notices',
    async () => {
      const rows = stored(`file:${runs.at('shared-rows')}`)
      const first = runs.start('shared', ...rows)
      await runs.taken('shared', 10)
      first.process.kill('SIGSTOP')
      await cp(runs.at('shared'), runs.at('shared-copy'), { recursive: true })
      const second = await runs.train('shared-copy', '--resume', ...rows)
      first.process.kill('SIGCONT')
      expect(second).toMatchObject(failedWith(new RegExp(`shared-rows.*held by process ${first.process.pid}`)))
      expect(await first.ended).toMatchObject({ code: 0 })
      expect(await runs.curveOf('shared')).toEqual(resident)
    },
    MINUTES,
  )

  test(
    'stops in one line when their disk is full, and goes on once there is room (needs the right to mount a tmpfs)',
    async ({ skip }) => {
      if (!smallDisk) skip('no right to mount a tmpfs')
      const rows = stored(`file:${runs.at('small/rows')}`)
      const training = runs.train('full', ...rows)
      await runs.taken('full', 10)
      fillDisk(runs.at('small/ballast'))
      expect(await training).toMatchObject(failedWith(/no space left on device/))
      expect((await runs.curveOf('full')).length).toBeLessThan(resident.length)
      // Still full: it says so again, and what is there stays.
      expect(await runs.train('full', '--resume', ...rows)).toMatchObject(failedWith(/no space left on device/))

      rmSync(runs.at('small/ballast'))
      expect(await runs.train('full', '--resume', ...rows)).toMatchObject({ code: 0 })
      expect(await runs.curveOf('full')).toEqual(resident)
    },
    MINUTES,
  )
})

/** Flips a byte of the row that was trained most, wherever a copy of it lies in the file. */
async function flipByte(folder: string): Promise<{ row: number; repair: () => Promise<void> }> {
  const table = await openRowTable({ driver: await fileRows(folder), mode: 'read' })
  const all = new Uint8Array(table.rows * table.rowBytes)
  await table.read(
    Uint32Array.from({ length: table.rows }, (_, id) => id),
    all,
  )
  const rowOf = (id: number): Uint8Array => all.subarray(id * table.rowBytes, (id + 1) * table.rowBytes)
  /** The second moments are the last third of a row. */
  const trained = (id: number): number => {
    const numbers = new Float32Array(rowOf(id).slice().buffer)
    return numbers.subarray((numbers.length / 3) * 2).reduce((sum, each) => sum + each, 0)
  }
  let row = 0
  for (let id = 1; id < table.rows; id++) if (trained(id) > trained(row)) row = id
  await table.dispose()

  const path = join(folder, 'rows.bin')
  const whole = await readFile(path)
  const damaged = Buffer.from(whole)
  let copies = 0
  for (let at = whole.indexOf(rowOf(row)); at >= 0; at = whole.indexOf(rowOf(row), at + 1)) {
    damaged[at + (copies++ % table.rowBytes)]! ^= 1
  }
  expect(copies).toBeGreaterThan(0)
  await writeFile(path, damaged)
  return { row, repair: () => writeFile(path, whole) }
}
