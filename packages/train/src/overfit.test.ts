import { expect, test } from 'vitest'
import { overfitOneBatch } from './overfit.ts'
import { constant } from './schedule.ts'
import { bigramTrainer } from './testing/bigram-trainer.ts'
import { markovLoader } from './testing/markov-loader.ts'

const V = 64
const stop = new Error('stop')
// 12 tokens: few enough that no token is seen before two different ones.
const batch = await markovLoader(V, { seed: 3, size: 1, length: 12 }).next()

test('a model that learns passes, and stops as soon as it does', async () => {
  const losses: number[] = []
  const result = await overfitOneBatch({
    trainer: bigramTrainer(V),
    batch,
    schedule: constant(0.3),
    steps: 300,
    threshold: 0.05,
    onProgress: ({ loss }) => losses.push(loss),
  })
  expect(result).toEqual({ passed: true, first: losses[0], last: losses.at(-1), steps: losses.length })
  expect(losses.findIndex((loss) => loss < 0.05)).toBe(losses.length - 1)
})

test('a model that does not move fails after all its steps', async () => {
  const result = await overfitOneBatch({ trainer: bigramTrainer(V), batch, schedule: constant(0), steps: 20 })
  expect(result).toEqual({ passed: false, first: result.first, last: result.first, steps: 20 })
  expect(result.first).toBeCloseTo(Math.log(V), 1)
})

test('can be aborted', async () => {
  const abort = new AbortController()
  const run = overfitOneBatch({
    trainer: bigramTrainer(V),
    batch,
    schedule: constant(0.1),
    steps: 1e6,
    signal: abort.signal,
    onProgress: ({ index }) => {
      if (index === 3) abort.abort(stop)
    },
  })
  await expect(run).rejects.toBe(stop)
})
