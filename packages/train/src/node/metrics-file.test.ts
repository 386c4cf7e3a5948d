import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { train } from '../loop.ts'
import type { TrainStep } from '../metrics.ts'
import { constant } from '../schedule.ts'
import { bigramTrainer } from '../testing/bigram-trainer.ts'
import { markovLoader } from '../testing/markov-loader.ts'
import { openMetrics, readMetrics } from './metrics-file.ts'

let dir: string
let steps: TrainStep[]
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stemkit-metrics-'))
  const loader = markovLoader(8)
  const batches = [await loader.next()]
  const run = train({
    trainer: bigramTrainer(8),
    loader,
    schedule: constant(0.1),
    steps: 12,
    evaluate: { every: 5, batches },
  })
  steps = []
  for await (const step of run) steps.push(step)
})
afterAll(() => rm(dir, { recursive: true }))

async function write(path: string, from: number, records: readonly TrainStep[]): Promise<void> {
  await using file = await openMetrics(path, { from })
  for (const record of records) await file.write(record)
}

test('what was written is read back, one JSON object a line', async () => {
  const path = join(dir, 'a.jsonl')
  await write(path, 0, steps)
  expect(await readMetrics(path)).toEqual(steps)
  const text = await readFile(path, 'utf8')
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(steps)
})

test('a line is in the file as soon as write resolves', async () => {
  const path = join(dir, 'b.jsonl')
  await using file = await openMetrics(path, { from: 0 })
  await file.write(steps[0]!)
  expect(await readMetrics(path)).toEqual([steps[0]])
})

test('wherever a run was cut and resumed, every step is there once', async () => {
  const path = join(dir, 'c.jsonl')
  await fc.assert(
    fc.asyncProperty(fc.nat(12), fc.nat(40), fc.nat(12), async (written, torn, checkpoint) => {
      await rm(path, { force: true })
      await write(path, 0, steps.slice(0, written))
      const size = (await readFile(path)).length
      await truncate(path, Math.max(0, size - torn))
      const whole = (await readMetrics(path)).length
      const from = Math.min(whole, checkpoint)
      await write(path, from, steps.slice(from))
      expect(await readMetrics(path)).toEqual(steps)
    }),
    { numRuns: 60 },
  )
})

test('a file of many chunks is cut at the right line', async () => {
  const path = join(dir, 'd.jsonl')
  const many = Array.from({ length: 3000 }, (_, index) => ({ ...steps[index % 12]!, index }))
  await writeFile(path, many.map((record) => `${JSON.stringify(record)}\n`).join(''))
  await write(path, 2499, [many[2499]!])
  expect(await readMetrics(path)).toEqual(many.slice(0, 2500))
})

test('a run that writes nothing leaves the file as it was', async () => {
  const path = join(dir, 'f.jsonl')
  await write(path, 0, steps)
  await write(path, 0, [])
  expect(await readMetrics(path)).toEqual(steps)
})

test('a line that is no record is named', async () => {
  const path = join(dir, 'e.jsonl')
  await writeFile(path, `${JSON.stringify(steps[0])}\n{"index": 1}\n`)
  await expect(readMetrics(path)).rejects.toMatchObject({
    code: 'corrupt',
    message: `${path}: line 2 is no metrics record`,
  })
})

test('a folder that is not there gives one clear line', async () => {
  const path = join(dir, 'nowhere', 'metrics.jsonl')
  await expect(openMetrics(path, { from: 0 })).rejects.toMatchObject({ code: 'not-found' })
  await expect(readMetrics(path)).rejects.toMatchObject({ code: 'not-found' })
})
