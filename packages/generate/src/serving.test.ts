import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModelConfig, initializeWeights, listWeights } from '@stemkit/model'
import { packMatrix } from '@stemkit/weights'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, createModel } from './index.ts'
import type { DecoderParts, Generation, Model, ModelWeight, ServingOptions } from './index.ts'
import { readOracleCase } from './testing/oracle-case.ts'
import { recomputingDecoder } from './testing/recomputing-decoder.ts'

const engine = compiledEngine(nodeRuntime(), { threads: 1 })
const { config, weights, sequences } = readOracleCase('stem-half')
const greedy = { temperature: 0, maxTokens: 8 } as const
const open = (options: ServingOptions = {}): Promise<Model> => createModel({ config, weights, engine, ...options })
const withModel = async (options: ServingOptions, work: (model: Model) => Promise<void>): Promise<void> => {
  const model = await open(options)
  try {
    await work(model)
  } finally {
    await model.dispose()
  }
}

const withWeights = async (
  bits: 4 | 8 | undefined,
  options: ServingOptions,
  work: (model: Model) => Promise<void>,
): Promise<void> => {
  const packed = new Map<string, ModelWeight>(weights)
  for (const [name, { role, shape }] of bits ? listWeights(config) : []) {
    if (role !== 'matrix') continue
    packed.set(name, packMatrix(weights.get(name)!.data, shape as [number, number], { bits: bits!, block: 16 }))
  }
  const model = await createModel({ config, weights: packed, engine, ...options })
  await work(model).finally(() => model.dispose())
}

/** One at a time, whole passes, nothing guessed: what all others have to give. */
let plain: Model
beforeAll(async () => {
  const openDecoder = (parts: DecoderParts) => recomputingDecoder({ ...parts, engine })
  const serving = { slots: 1, prefillChunk: config.maxLength, speculate: false }
  plain = await createModel({ config, weights, engine, ...serving, openDecoder })
})
afterAll(() => plain.dispose())

const promptOf = (sequence: number, length: number): number[] =>
  sequences[sequence % sequences.length]!.slice(0, length)
const alone = async (prompt: readonly number[], options = {}): Promise<readonly number[]> => {
  plain.forget()
  return (await collect(plain.generate(prompt, { ...greedy, ...options }))).tokens
}
const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}
/** Lets the model go on until it has nothing to do. */
const idle = async (model: Model): Promise<void> => {
  while (model.stats().running + model.stats().waiting > 0) await new Promise((resolve) => setTimeout(resolve))
}

interface Request {
  readonly sequence: number
  readonly length: number
  readonly maxTokens: number
  /** Pieces after which the reader leaves. */
  readonly leaves: number | null
  readonly pause: number
  readonly isScore: boolean
}

describe('requests that share a model', () => {
  test.each([
    { slots: 1 },
    { slots: 3 },
    { slots: 2, prefillChunk: 1 },
    { slots: 3, prefillChunk: 3 },
    { slots: 2, deterministic: true, prefillChunk: 4 },
  ])('get what they would get alone (%o)', (options) =>
    withModel(options, async (model) => {
      const prompts = [3, 9, 17, 6, 12].map((length, i) => promptOf(i, length))
      const [scores, ...made] = await Promise.all([
        model.score(sequences[0]!),
        ...prompts.map((prompt) => collect(model.generate(prompt, greedy))),
      ])
      for (const [i, { tokens, logprobs }] of made.entries()) {
        const expected = await collect(plain.generate(prompts[i]!, greedy))
        expect(tokens).toEqual(expected.tokens)
        expect(worst(logprobs, expected.logprobs)).toBeLessThan(1e-5)
      }
      expect(worst(scores.logprobs, (await plain.score(sequences[0]!)).logprobs)).toBeLessThan(1e-5)
      await idle(model)
      expect(model.stats()).toMatchObject({ slots: options.slots, running: 0, waiting: 0 })
    }),
  )

  test('that come and go as they like each get what is right, and leave all slots free', () =>
    withModel({ slots: 3, prefillChunk: 4 }, async (model) => {
      const request = fc.record({
        sequence: fc.nat(sequences.length - 1),
        length: fc.integer({ min: 1, max: 20 }),
        maxTokens: fc.integer({ min: 0, max: 10 }),
        leaves: fc.option(fc.nat(6)),
        pause: fc.nat(3),
        isScore: fc.boolean(),
      })
      const serve = async ({ sequence, length, maxTokens, leaves, pause, isScore }: Request) => {
        for (let i = 0; i < pause; i++) await new Promise((resolve) => setTimeout(resolve, 2))
        const prompt = promptOf(sequence, length)
        if (isScore) {
          const { logprobs } = await model.score(prompt)
          return () => plain.score(prompt).then((whole) => expect(worst(logprobs, whole.logprobs)).toBeLessThan(1e-5))
        }
        const seen: number[] = []
        const generation = model.generate(prompt, { temperature: 0, maxTokens })
        for await (const { token } of generation) if (seen.push(token) === leaves) break
        expect(generation.usage.cachedTokens).toBeLessThan(prompt.length)
        const expected = leaves ? Math.min(leaves, maxTokens) : maxTokens
        return async () => expect(seen).toEqual((await alone(prompt, { maxTokens })).slice(0, expected))
      }
      await fc.assert(
        fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
          for (const check of await Promise.all(requests.map(serve))) await check()
          await idle(model)
          expect(model.stats()).toMatchObject({ running: 0, waiting: 0 })
        }),
        { numRuns: 12 },
      )
    }))

  test('wait for a slot in the order in which they came', () =>
    withModel({ slots: 1 }, async (model) => {
      const order: number[] = []
      const runs = [0, 1, 2, 3].map(async (i) => {
        await collect(model.generate(promptOf(i, 4 + i), { ...greedy, maxTokens: 3 }))
        order.push(i)
      })
      await new Promise((resolve) => setTimeout(resolve))
      expect(model.stats().running + model.stats().waiting).toBe(4)
      await Promise.all(runs)
      expect(order).toEqual([0, 1, 2, 3])
    }))

  test('are not held up by a reader that stops reading, which gets the rest when it goes on', () =>
    withModel({ slots: 1, speculate: false }, async (model) => {
      const prompt = promptOf(0, 4)
      const slow = model.generate(prompt, { temperature: 0, maxTokens: 30 })[Symbol.asyncIterator]()
      const tokens = [(await slow.next()).value!.token]
      // With one slot this could not end, if the other kept it.
      const other = await collect(model.generate(promptOf(1, 5), greedy))
      expect(other.tokens).toEqual(await alone(promptOf(1, 5)))
      // The piece that was read, four that were not, and the other's eight.
      expect(model.stats().decoded).toBeLessThanOrEqual(1 + 4 + 8)
      for (let piece = await slow.next(); !piece.done; piece = await slow.next()) tokens.push(piece.value.token)
      expect(tokens).toEqual(await alone(prompt, { maxTokens: 30 }))
    }))

  test('leave their slot after the step in which they are given up', () =>
    withModel({ slots: 1 }, async (model) => {
      const controller = new AbortController()
      const first = collect(model.generate(promptOf(0, 30), { ...greedy, signal: controller.signal }))
      const second = collect(model.generate(promptOf(1, 5), greedy))
      await new Promise((resolve) => setTimeout(resolve))
      controller.abort(new Error('enough'))
      await expect(first).rejects.toThrow('enough')
      expect((await second).tokens).toEqual(await alone(promptOf(1, 5)))
      await expect(collect(model.generate(promptOf(0, 3), { signal: controller.signal }))).rejects.toThrow('enough')
    }))

  test('all end when the model is disposed', async () => {
    const model = await open({ slots: 1 })
    const runs = [0, 1].map((i) => collect(model.generate(promptOf(i, 5), greedy)))
    const scores = model.score(sequences[0]!)
    await new Promise((resolve) => setTimeout(resolve))
    const ended = Promise.allSettled([...runs, scores])
    await model.dispose()
    for (const result of await ended)
      expect(result).toMatchObject({ status: 'rejected', reason: { message: 'the model was disposed; load it again' } })
  })

  test('can be iterated once', () =>
    withModel({}, async (model) => {
      const generation = model.generate(promptOf(0, 3), greedy)
      await collect(generation)
      await expect(collect(generation)).rejects.toThrow('can be iterated once')
    }))
})

describe('prompts that begin alike', () => {
  const prompt = [...promptOf(0, 20), ...promptOf(1, 4)]

  test('are not computed again', () =>
    withModel({}, async (model) => {
      const first = await collect(model.generate(prompt, greedy))
      const again = await collect(model.generate(prompt, greedy))
      expect(again.tokens).toEqual(first.tokens)
      expect([first.usage.cachedTokens, again.usage.cachedTokens]).toEqual([0, 23])
      // What was made is part of what can be begun with: the next turn of a conversation.
      const next = await collect(model.generate([...prompt, ...first.tokens, 5], { ...greedy, maxTokens: 2 }))
      expect(next.usage.cachedTokens).toBe(24 + 7)
      expect((await model.score(prompt, { from: 12 })).cachedTokens).toBe(11)
      expect(model.stats().cached).toBe(23 + 31 + 11)
    }))

  test('that come at once are computed once', () =>
    withModel({ slots: 4, prefillChunk: 4 }, async (model) => {
      const runs = await Promise.all([1, 2, 3, 4].map((last) => collect(model.generate([...prompt, last], greedy))))
      expect(runs.map(({ usage }) => usage.cachedTokens)).toEqual([0, 24, 24, 24])
      for (const [i, { tokens }] of runs.entries()) expect(tokens).toEqual(await alone([...prompt, i + 1]))
    }))

  test('keep the longest-used prompt least: of three, the one used last is still there', () =>
    withModel({ slots: 2 }, async (model) => {
      const prompts = [0, 1, 2].map((i) => [i, ...promptOf(i, 9)])
      for (const each of prompts) await collect(model.generate(each, greedy))
      const cached = async (each: number[]): Promise<number> =>
        (await collect(model.generate(each, { maxTokens: 1 }))).usage.cachedTokens
      expect(await cached(prompts[2]!)).toBe(9)
      expect(await cached(prompts[1]!)).toBe(9)
      expect(await cached(prompts[0]!)).toBe(0)
    }))

  test('are computed anew from the first token whose rows have changed', () =>
    withModel({}, async (model) => {
      await collect(model.generate(prompt, greedy))
      model.forget([prompt[10]!])
      const { usage } = await collect(model.generate(prompt, greedy))
      expect(usage.cachedTokens).toBe(prompt.indexOf(prompt[10]!))
      model.forget()
      expect((await collect(model.generate(prompt, greedy))).usage.cachedTokens).toBe(0)
    }))
})

describe('guesses from the text', () => {
  const repeated = [...promptOf(0, 6), ...promptOf(0, 6), ...promptOf(0, 6)]
  const all = async (generation: Generation) => {
    const { tokens, logprobs } = await collect(generation)
    return { tokens, logprobs }
  }

  test.each([{ temperature: 0 }, { temperature: 0.7, seed: 3 }, { temperature: 0, repetitionPenalty: 1.3 }])(
    'change nothing with %o',
    (options) =>
      withModel({}, async (model) => {
        // Small random models soon go round in circles.
        for (let round = 0; round < 3; round++) {
          const found = await all(model.generate(repeated, { ...options, maxTokens: 20 }))
          const expected = await all(plain.generate(repeated, { ...options, maxTokens: 20 }))
          expect(found.tokens).toEqual(expected.tokens)
          expect(worst(found.logprobs, expected.logprobs)).toBeLessThan(1e-5)
        }
      }),
  )
})

describe('deterministic', () => {
  test('a request gets the same bits whatever else is running and whatever was before', () =>
    withModel({ slots: 3, deterministic: true, prefillChunk: 4 }, async (model) => {
      const options = { seed: 5, temperature: 1, maxTokens: 9 }
      const prompt = promptOf(0, 11)
      const first = await collect(model.generate(prompt, options))
      for (let round = 0; round < 3; round++) {
        const others = [3, 8, 14, 20].map((length, i) => collect(model.generate(promptOf(i + round, length), greedy)))
        const { tokens, logprobs } = await collect(model.generate(prompt, options))
        expect({ tokens, logprobs }).toEqual({ tokens: first.tokens, logprobs: first.logprobs })
        await Promise.all(others)
      }
    }))

  test.each([undefined, 8, 4] as const)(
    'a score has the same bits whatever of it is wanted (weights of %s bits)',
    (bits) =>
      withWeights(bits, { slots: 3, deterministic: true, prefillChunk: 8 }, async (model) => {
        const tokens = sequences[0]!.slice(0, 30)
        const { logprobs } = await model.score(tokens)
        for (let from = 1; from < tokens.length; from++) {
          if (from % 3 === 0) model.forget()
          const part = await model.score(tokens, { from })
          expect(part.logprobs).toEqual(logprobs.slice(from - 1))
        }
        for (let length = 2; length < 20; length++) {
          model.forget()
          expect((await model.score(tokens.slice(0, length))).logprobs).toEqual(logprobs.slice(0, length - 1))
        }
      }),
  )

  test('a score has the same bits also where attention takes more than one block of rows', async () => {
    const longer = createModelConfig({
      vocabSize: 61,
      dim: 32,
      heads: 2,
      layers: 2,
      ffnHidden: 64,
      maxLength: 80,
      kind: 'dense',
    })
    const own = initializeWeights(longer, { seed: 3 })
    const model = await createModel({ config: longer, weights: own, engine, slots: 2, deterministic: true })
    const tokens = Array.from({ length: 70 }, (_, i) => (i * 7 + (i % 3)) % 61)
    const { logprobs } = await model.score(tokens)
    for (const at of [31, 32, 33, 34, 35, 36, 63, 64, 65, 66, 67]) {
      model.forget()
      expect((await model.score(tokens, { from: at })).logprobs).toEqual(logprobs.slice(at - 1))
      model.forget()
      expect((await model.score(tokens.slice(0, at))).logprobs).toEqual(logprobs.slice(0, at - 1))
    }
    await model.dispose()
  })

  test('continuations of one context share what was read of it', () =>
    withModel({ slots: 4, deterministic: true, prefillChunk: 8 }, async (model) => {
      const context = promptOf(0, 18)
      const ends = [[1], [2, 3], [4, 5, 6], [7]]
      const scores = await Promise.all(ends.map((end) => model.score([...context, ...end], { from: 18 })))
      expect(scores.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 16, 16, 16])
      for (const [i, end] of ends.entries()) {
        model.forget()
        const whole = await model.score([...context, ...end])
        expect(scores[i]!.logprobs).toEqual(whole.logprobs.slice(17))
      }
    }))
})

test('options out of range are refused by name', async () => {
  await expect(open({ slots: 0 })).rejects.toThrow('model: slots is 0')
  await expect(open({ context: 41 })).rejects.toThrow('model: context is 41, but must be in 1..40')
  await expect(open({ prefillChunk: 0.5 })).rejects.toThrow('model: prefillChunk is 0.5')
})

test('a shorter context takes shorter prompts, and ends sooner', () =>
  withModel({ context: 10 }, async (model) => {
    expect(model.maxLength).toBe(10)
    expect((await collect(model.generate(promptOf(0, 6), { temperature: 0 }))).tokens.length).toBe(4)
    expect(() => model.generate(promptOf(0, 10))).toThrow('leaves no room in a model of length 10')
  }))
