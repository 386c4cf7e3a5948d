import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluate } from './evaluate.ts'
import { train, type TrainOptions } from './loop.ts'
import type { TrainStep } from './metrics.ts'
import { constant, warmupCosine } from './schedule.ts'
import { bigramTrainer } from './testing/bigram-trainer.ts'
import { markovLoader, random } from './testing/markov-loader.ts'
import { copyState, memoryCheckpoints } from './testing/memory-checkpoints.ts'
import type { Trainer } from './trainer.ts'

const V = 12
const stop = new Error('stop')

const heldOut = async (count = 3) => {
  const loader = markovLoader(V, { seed: 99 })
  return Promise.all(Array.from({ length: count }, () => loader.next()))
}

const fresh = (seeds = 1) => ({
  trainer: bigramTrainer(V, seeds),
  loader: markovLoader(V, { seed: seeds }),
  schedule: warmupCosine({ peak: 0.3, warmup: 2, steps: 40, floor: 0.1 }),
})

async function collect(options: TrainOptions, onStep?: (step: TrainStep) => void): Promise<TrainStep[]> {
  const steps: TrainStep[] = []
  for await (const step of train(options)) {
    steps.push(step)
    onStep?.(step)
  }
  return steps
}

const curve = (steps: readonly TrainStep[]) =>
  steps.map(({ index, loss, lr, gradNorm, totalTokens, evaluation }) => ({
    index,
    loss,
    lr,
    gradNorm,
    totalTokens,
    evaluation,
  }))

/** A trainer whose step with this index reports, or leaves behind, something wrong. */
const failing = (trainer: Trainer, at: number, fail: (state: ReturnType<Trainer['state']>) => object): Trainer => ({
  ...trainer,
  get steps() {
    return trainer.steps
  },
  async step(...args) {
    const result = await trainer.step(...args)
    return trainer.steps - 1 === at ? { ...result, ...fail(trainer.state()) } : result
  },
})

describe('a run', () => {
  test('learns: the held-out loss falls towards the entropy of the source', async () => {
    const steps = await collect({
      ...fresh(),
      schedule: constant(0.1),
      steps: 150,
      evaluate: { every: 50, batches: await heldOut(20) },
    })
    const losses = steps.flatMap(({ evaluation }) => evaluation?.loss ?? [])
    const p = 0.75 + 0.25 / V
    const entropy = -p * Math.log(p) - (1 - p) * Math.log(0.25 / V)
    expect(losses).toHaveLength(3)
    expect(steps[0]!.loss).toBeGreaterThan(0.9 * Math.log(V))
    expect(losses.at(-1)).toBeLessThan(entropy + 0.25)
    expect(losses.at(-1)).toBeGreaterThan(entropy - 0.1)
  })

  test('reports index, rate, tokens, FLOPs and utilisation of every step', async () => {
    const steps = await collect({ ...fresh(), steps: 5, accumulate: 2, flopsPerToken: 100, peakFlops: 1e9 })
    expect(steps.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
    expect(steps.map(({ lr }) => lr)).toEqual([0, 1, 2, 3, 4].map(fresh().schedule))
    expect(steps.map(({ tokens }) => tokens)).toEqual([128, 128, 128, 128, 128])
    expect(steps.map(({ totalTokens }) => totalTokens)).toEqual([128, 256, 384, 512, 640])
    expect(steps.map(({ flops }) => flops)).toEqual([12_800, 25_600, 38_400, 51_200, 64_000])
    for (const { mfu, tokens, seconds, tokensPerSecond } of steps) {
      expect(tokensPerSecond).toBeCloseTo(tokens / seconds, 6)
      expect(mfu).toBeCloseTo((tokensPerSecond * 100) / 1e9, 12)
    }
    expect(steps.at(-1)!.totalSeconds).toBeCloseTo(
      steps.reduce((sum, { seconds }) => sum + seconds, 0),
      9,
    )
  })

  test('evaluates and saves at its intervals and at the end, once each', async () => {
    const writer = memoryCheckpoints()
    const steps = await collect({
      ...fresh(),
      steps: 10,
      evaluate: { every: 4, batches: await heldOut() },
      checkpoint: { every: 5, writer },
    })
    expect(steps.filter(({ evaluation }) => evaluation).map(({ index }) => index + 1)).toEqual([4, 8, 10])
    expect(writer.saved.map(({ trainer }) => trainer.steps)).toEqual([5, 10])
  })

  test('saves a step only after its consumer is done with it', async () => {
    const writer = memoryCheckpoints()
    const seen: [number, number][] = []
    await collect({ ...fresh(), steps: 3, checkpoint: { every: 1, writer } }, ({ index }) =>
      seen.push([index, writer.saved.length]),
    )
    expect(seen).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ])
    expect(writer.saved).toHaveLength(3)
  })

  test('accumulating batches is one step over all of them', async () => {
    const [a, b] = [fresh(), fresh()]
    await collect({ ...a, steps: 3, accumulate: 2 })
    for (let step = 0; step < 3; step++)
      await b.trainer.step([await b.loader.next(), await b.loader.next()], b.schedule(step))
    expect(copyState(a.trainer.state())).toEqual(copyState(b.trainer.state()))
  })

  test.each([
    ['steps', { steps: 0 }],
    ['accumulate', { accumulate: 1.5 }],
    ['evaluate.every', { evaluate: { every: -1, batches: [] } }],
    ['checkpoint.every', { checkpoint: { every: Number.NaN, writer: memoryCheckpoints() } }],
  ])('refuses an impossible %s by name', (name, options) => {
    expect(() => train({ ...fresh(), steps: 5, ...options })).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(`${name} is`) }),
    )
  })
})

describe('resume', () => {
  test('from any step equals a run never stopped, bit for bit', async () => {
    const batches = await heldOut()
    const options = { steps: 16, evaluate: { every: 3, batches } }
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 1, max: 3 }),
        async (stopAfter, accumulate) => {
          const [whole, first, second] = [fresh(1), fresh(1), fresh(2)]
          const writer = memoryCheckpoints()
          const wholeCurve = await collect({ ...whole, ...options, accumulate, rng: random(5) })

          const abort = new AbortController()
          const firstPart: TrainStep[] = []
          const rng = random(5)
          const cut = collect(
            { ...first, ...options, accumulate, rng, checkpoint: { every: 1000, writer }, signal: abort.signal },
            (step) => {
              firstPart.push(step)
              rng.next()
              if (step.index + 1 === stopAfter) abort.abort(stop)
            },
          )
          await expect(cut).rejects.toBe(stop)
          expect(writer.saved.map(({ trainer }) => trainer.steps)).toEqual([stopAfter])

          const rngAfter = random(0)
          const secondPart = await collect({
            ...second,
            ...options,
            accumulate,
            rng: rngAfter,
            resume: writer.saved[0]!,
          })
          expect(curve([...firstPart, ...secondPart])).toEqual(curve(wholeCurve))
          expect(copyState(second.trainer.state())).toEqual(copyState(whole.trainer.state()))
          expect(second.loader.state()).toEqual(whole.loader.state())
          expect(rngAfter.state()).toBe(rng.state())
        },
      ),
      { numRuns: 12 },
    )
  })

  test('goes on with the totals', async () => {
    const writer = memoryCheckpoints()
    const first = await collect({ ...fresh(), steps: 4, checkpoint: { every: 4, writer } })
    const [next] = await collect({ ...fresh(), steps: 5, resume: writer.saved[0]!, flopsPerToken: 2 })
    expect(next!.totalTokens).toBe(first.at(-1)!.totalTokens + next!.tokens)
    expect(next!.totalSeconds).toBe(first.at(-1)!.totalSeconds + next!.seconds)
    expect(next!.flops).toBe(2 * next!.totalTokens)
  })

  test('of a finished run has nothing to do and saves nothing again', async () => {
    const [writer, again] = [memoryCheckpoints(), memoryCheckpoints()]
    await collect({ ...fresh(), steps: 3, checkpoint: { every: 3, writer } })
    const rest = await collect({
      ...fresh(),
      steps: 3,
      resume: writer.saved[0]!,
      checkpoint: { every: 1, writer: again },
    })
    expect(rest).toEqual([])
    expect(again.saved).toEqual([])
  })
})

describe('abort', () => {
  test('before the first step throws the reason, nothing is saved', async () => {
    const writer = memoryCheckpoints()
    const reason = new Error('stop')
    const run = collect({ ...fresh(), steps: 3, checkpoint: { every: 1, writer }, signal: AbortSignal.abort(reason) })
    await expect(run).rejects.toBe(reason)
    expect(writer.saved).toEqual([])
  })

  test('while the next batch is awaited saves the position before it', async () => {
    const abort = new AbortController()
    const writer = memoryCheckpoints()
    const { trainer, loader, schedule } = fresh()
    const positions: unknown[] = []
    const slow = {
      ...loader,
      async next(options?: { signal?: AbortSignal }) {
        positions.push(loader.state())
        const batch = await loader.next()
        if (positions.length < 6) return batch
        return new Promise<never>((_, reject) => {
          options!.signal!.addEventListener('abort', () => reject(options!.signal!.reason as Error))
          setTimeout(() => abort.abort(stop), 5)
        })
      },
    }
    const run = collect({
      trainer,
      loader: slow,
      schedule,
      steps: 10,
      accumulate: 2,
      checkpoint: { every: 9, writer },
      signal: abort.signal,
    })
    await expect(run).rejects.toBe(stop)
    expect(writer.saved.map((state) => [state.trainer.steps, state.loader])).toEqual([[2, positions[4]]])
  })

  test('during an evaluation cuts it short, keeps and saves the step', async () => {
    const abort = new AbortController()
    const writer = memoryCheckpoints()
    const batches = await heldOut(3)
    const steps: TrainStep[] = []
    const run = collect(
      {
        ...fresh(),
        steps: 5,
        evaluate: {
          every: 2,
          batches: {
            *[Symbol.iterator]() {
              yield batches[0]!
              abort.abort(stop)
              yield batches[1]!
            },
          },
        },
        checkpoint: { every: 5, writer },
        signal: abort.signal,
      },
      (step) => steps.push(step),
    )
    await expect(run).rejects.toBe(stop)
    expect(steps.map(({ index, evaluation }) => [index, evaluation])).toEqual([
      [0, undefined],
      [1, undefined],
    ])
    expect(writer.saved.map(({ trainer }) => trainer.steps)).toEqual([2])
  })
})

describe('divergence', () => {
  test.each([
    ['loss', { loss: Number.NaN }, 'step 3: the loss is NaN'],
    ['gradient norm', { gradNorm: Number.POSITIVE_INFINITY }, 'step 3: the gradient norm is Infinity'],
    ['table gradient norm', { tableGradNorm: Number.NaN }, 'step 3: the table gradient norm is NaN'],
  ])('a %s that is not finite stops the run and names step and value', async (_, result, message) => {
    const writer = memoryCheckpoints()
    const { trainer, ...rest } = fresh()
    const run = collect({
      ...rest,
      trainer: failing(trainer, 3, () => result),
      steps: 9,
      checkpoint: { every: 2, writer },
    })
    await expect(run).rejects.toMatchObject({ code: 'diverged', message: expect.stringContaining(message) })
    expect(writer.saved.map((state) => state.trainer.steps)).toEqual([2])
  })

  test('an absurd learning rate diverges for real, and no saved state holds a bad number', async () => {
    const writer = memoryCheckpoints()
    const run = collect({
      ...fresh(),
      schedule: (step) => (step < 4 ? 0.1 : 3e38),
      steps: 20,
      checkpoint: { every: 1, writer },
    })
    await expect(run).rejects.toMatchObject({ code: 'diverged' })
    expect(writer.saved.length).toBeGreaterThanOrEqual(4)
    for (const { trainer } of writer.saved) {
      for (const { data } of trainer.weights.values()) expect(data.every(Number.isFinite)).toBe(true)
    }
  })

  test('an update that breaks a weight is not saved, the weight is named', async () => {
    const writer = memoryCheckpoints()
    const { trainer, ...rest } = fresh()
    const broken = failing(trainer, 3, ({ weights }) => {
      weights.get('model.bias')!.data[5] = Number.NEGATIVE_INFINITY
      return {}
    })
    const run = collect({ ...rest, trainer: broken, steps: 9, checkpoint: { every: 2, writer } })
    await expect(run).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringMatching(/^step 3: .* a weight of model\.bias /),
    })
    expect(writer.saved.map((state) => state.trainer.steps)).toEqual([2])
  })
})

describe('evaluate', () => {
  test('weighs every counted position alike', async () => {
    const trainer = bigramTrainer(V)
    const batches = await heldOut(5)
    const parts = await Promise.all(batches.map((batch) => trainer.evaluate(batch)))
    const counted = parts.reduce((sum, part) => sum + part.counted, 0)
    expect(new Set(parts.map((part) => part.counted)).size).toBeGreaterThan(1)
    const result = await evaluate(trainer, batches)
    expect(result.counted).toBe(counted)
    expect(result.loss).toBeCloseTo(parts.reduce((sum, part) => sum + part.loss * part.counted, 0) / counted, 12)
  })

  test('ignores a batch that is all mask, refuses when nothing counts, reports progress', async () => {
    const trainer = bigramTrainer(V)
    const [batch] = await heldOut(1)
    const masked = { ...batch!, lossMask: new Float32Array(batch!.lossMask.length) }
    const done: number[] = []
    const result = await evaluate(trainer, [masked, batch!], { onProgress: (n) => done.push(n) })
    expect(result).toEqual(await evaluate(trainer, [batch!]))
    expect(done).toEqual([1, 2])
    await expect(evaluate(trainer, [masked])).rejects.toMatchObject({ code: 'bad-input' })
    await expect(evaluate(trainer, [])).rejects.toMatchObject({ code: 'bad-input' })
  })
})
