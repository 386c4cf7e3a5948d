import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { train, type TrainOptions } from '../loop.ts'
import type { TrainStep } from '../metrics.ts'
import { killedRun } from '../testing/killed-run.ts'
import { copyState } from '../testing/memory-checkpoints.ts'
import { checkpointFolder } from './checkpoint-folder.ts'
import { latestCheckpoint, loadCheckpoint } from './load-checkpoint.ts'
import { openMetrics, readMetrics } from './metrics-file.ts'

const dir = mkdtempSync(join(tmpdir(), 'stemkit-full-'))
const mounted = mountSmall()
afterAll(() => {
  if (mounted) execFileSync('umount', [dir])
  rmSync(dir, { recursive: true })
})

/** A disk of 1 MB in memory; false where this process may not mount one. */
function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function collect(options: TrainOptions): Promise<TrainStep[]> {
  const steps: TrainStep[] = []
  for await (const step of train(options)) steps.push(step)
  return steps
}

const full = test.skipIf(!mounted)

full('a full disk (needs the right to mount a tmpfs) fails the save, the checkpoints before stay', async () => {
  const writer = checkpointFolder({ dir, keep: 100 })
  const error = await collect({ ...killedRun(40), checkpoint: { every: 2, writer } }).catch((e: unknown) => e)
  expect(error).toMatchObject({
    code: 'io',
    message: expect.stringMatching(/^checkpoint of step \d+ not saved to .*no space left on device$/),
  })

  const names = await readdir(dir)
  const failed = Number(/step (\d+)/.exec((error as Error).message)![1])
  expect(names.length).toBe(failed / 2 - 1)
  expect(names.every((name) => /^step-\d{8}$/.test(name))).toBe(true)
  const latest = await latestCheckpoint(dir)
  const resume = await loadCheckpoint(latest!)
  expect(resume.trainer.steps).toBe(failed - 2)

  const room = checkpointFolder({ dir, keep: 1 })
  for (const name of names.slice(0, -1)) await rm(join(dir, name), { recursive: true })
  await collect({ ...killedRun(40), resume, checkpoint: { every: 2, writer: room } })
  const alone = killedRun(40)
  await collect(alone)
  expect((await loadCheckpoint((await latestCheckpoint(dir))!)).trainer).toEqual(copyState(alone.trainer.state()))
})

full('metrics that no longer fit (needs the right to mount a tmpfs) say so, the lines before stay', async () => {
  const [step] = await collect({ ...killedRun(6), steps: 1 })
  const path = join(dir, 'metrics.jsonl')
  await using file = await openMetrics(path, { from: 0 })
  let written = 0
  const fill = async (): Promise<never> => {
    for (;;) {
      await file.write({ ...step!, index: written })
      written++
    }
  }
  await expect(fill()).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('no space left on device'),
  })
  expect(await readMetrics(path)).toHaveLength(written)
})
