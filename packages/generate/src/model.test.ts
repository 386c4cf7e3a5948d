import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine, eagerEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { memory, useBackend } from '@stemkit/tensor'
import { loadTokenizer } from '@stemkit/tokenizer'
import { beforeAll, describe, expect, test } from 'vitest'
import { collect, createModel, logProbability, argmax, type Model } from './index.ts'
import { readOracleCase } from './testing/oracle-case.ts'
import { tinyModel } from './testing/tiny-model.ts'
import { byteLevelTokenizer } from './testing/tokenizers.ts'

const compiled = compiledEngine(nodeRuntime())
const engines = [compiled, eagerEngine()]

beforeAll(() => useBackend('cpu'))

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

describe.each(['dense', 'stem-third', 'stem-full', 'gqa-stem', 'hash-moe'])('a model of case %s', (name) => {
  const { config, weights, sequences, logits } = readOracleCase(name)
  const vocabulary = config.vocabSize
  const row = (all: Float32Array, t: number): Float32Array => all.subarray(t * vocabulary, (t + 1) * vocabulary)

  test.each(engines)('has the logits of the reference for every length ($name)', async (engine) => {
    const model = await createModel({ config, weights, engine })
    for (const length of [1, 2, sequences[0]!.length]) {
      const found = await model.logits(sequences[0]!.slice(0, length))
      expect(worst(found, logits[0]!.subarray(0, length * vocabulary))).toBeLessThan(2e-5)
    }
    expect(await model.logits([])).toEqual(new Float32Array(0))
    await model.dispose()
  })

  test.each(engines)('scores by log-softmax of its logits ($name)', async (engine) => {
    const model = await createModel({ config, weights, engine })
    const tokens = sequences[1]!
    const expected = tokens.slice(1).map((token, t) => logProbability(row(logits[1]!, t), token))
    const best = tokens.slice(1).map((_, t) => argmax(row(logits[1]!, t)))
    const all = await model.score(tokens)
    expect(worst(all.logprobs, expected)).toBeLessThan(2e-5)
    expect(Array.from(all.best)).toEqual(best)

    const some = await model.score(tokens, { from: 5 })
    expect(worst(some.logprobs, expected.slice(4))).toBeLessThan(2e-5)
    expect((await model.score(tokens, { from: tokens.length })).logprobs.length).toBe(0)
    await model.dispose()
  })

  test('chooses greedily what a full forward pass puts first, on both engines alike', async () => {
    const [first, second] = await Promise.all(engines.map((engine) => createModel({ config, weights, engine })))
    const prompt = sequences[0]!.slice(0, 4)
    const options = { temperature: 0, maxTokens: 12 }
    const { tokens, logprobs, finishReason, usage } = await collect(first!.generate(prompt, options))
    expect(finishReason).toBe('length')
    expect(usage).toEqual({ promptTokens: 4, cachedTokens: 0, completionTokens: 12, totalTokens: 16 })

    const whole = await second!.logits([...prompt, ...tokens])
    tokens.forEach((token, i) => {
      const before = row(whole, prompt.length + i - 1)
      expect(token).toBe(argmax(before))
      expect(logprobs[i]).toBeCloseTo(logProbability(before, token), 4)
    })
    expect((await collect(second!.generate(prompt, options))).tokens).toEqual(tokens)
    await first!.dispose()
    await second!.dispose()
  })
})

describe('a model', () => {
  const { config, weights, sequences } = readOracleCase('stem-half')
  const prompt = sequences[0]!.slice(0, 6)
  const withModel = async (work: (model: Model) => Promise<void>): Promise<void> => {
    const model = await createModel({ config, weights, engine: compiled })
    await work(model)
    await model.dispose()
  }

  test('generates the same tokens from the same seed', () =>
    withModel(async (model) => {
      const run = async (seed: number): Promise<readonly number[]> =>
        (await collect(model.generate(prompt, { seed, temperature: 1.5, topP: 1, maxTokens: 20 }))).tokens
      expect(await run(3)).toEqual(await run(3))
      expect(await run(3)).not.toEqual(await run(4))
    }))

  test('stops at its own length', () =>
    withModel(async (model) => {
      const { tokens, finishReason } = await collect(model.generate(prompt))
      expect(tokens.length).toBe(config.maxLength - prompt.length)
      expect(finishReason).toBe('length')
    }))

  test('ends at a stop token', () =>
    withModel(async (model) => {
      const { tokens } = await collect(model.generate(prompt, { temperature: 0, maxTokens: 8 }))
      const end = tokens[3]!
      const { tokens: shorter, finishReason } = await collect(
        model.generate(prompt, { temperature: 0, maxTokens: 8, stopTokens: [end] }),
      )
      expect(shorter).toEqual(tokens.slice(0, tokens.indexOf(end) + 1))
      expect(finishReason).toBe('stop')
    }))

  test('makes nothing for maxTokens 0', () =>
    withModel(async (model) => {
      expect(await collect(model.generate(prompt, { maxTokens: 0 }))).toMatchObject({
        tokens: [],
        finishReason: 'length',
      })
    }))

  test('stops when the signal fires, and can be used again', () =>
    withModel(async (model) => {
      const controller = new AbortController()
      const seen: number[] = []
      const run = async (): Promise<void> => {
        for await (const { token } of model.generate(prompt, { signal: controller.signal })) {
          if (seen.push(token) === 3) controller.abort(new Error('enough'))
        }
      }
      await expect(run()).rejects.toThrow('enough')
      expect(seen.length).toBe(3)
      await expect(model.logits(prompt, { signal: controller.signal })).rejects.toThrow('enough')
      expect((await collect(model.generate(prompt, { maxTokens: 2 }))).tokens.length).toBe(2)
    }))

  test('serves overlapping calls together, each as if it were alone', () =>
    withModel(async (model) => {
      const greedy = { temperature: 0, maxTokens: 5 }
      const alone = (await collect(model.generate(prompt, greedy))).tokens
      const [together, scores, again] = await Promise.all([
        collect(model.generate(prompt, greedy)),
        model.score(sequences[1]!),
        collect(model.generate(prompt, greedy)),
      ])
      expect(together.tokens).toEqual(alone)
      expect(again.tokens).toEqual(alone)
      expect(worst(scores.logprobs, (await model.score(sequences[1]!)).logprobs)).toBeLessThan(1e-5)
    }))

  test('scores a sequence one token longer than it reads', () =>
    withModel(async (model) => {
      const tokens = Array.from({ length: config.maxLength + 1 }, (_, i) => i)
      expect((await model.score(tokens)).logprobs.length).toBe(config.maxLength)
      await expect(model.score([...tokens, 0])).rejects.toThrow('the model takes at most 40')
    }))

  test.each([
    ['a token that does not exist', [1, 2, 101], 'inputIds has 101 at sequence 0, position 2; it must be in 0..100'],
    ['a token that is no whole number', [0.5], 'inputIds has 0.5'],
  ])('refuses %s', (_, tokens, message) =>
    withModel(async (model) => {
      await expect(model.logits(tokens)).rejects.toThrow(message)
      expect(() => model.generate(tokens)).toThrow(message)
      await expect(model.score([...tokens, 1])).rejects.toThrow(message)
    }),
  )

  test('refuses prompts that it cannot continue, at once', () =>
    withModel(async (model) => {
      const long = Array.from({ length: config.maxLength }, () => 1)
      expect(() => model.generate(long)).toThrow(
        'the prompt has 40 tokens, which leaves no room in a model of length 40; shorten it to 39 or less',
      )
      expect(() => model.generate([])).toThrow('the prompt is empty')
      expect(() => model.generate('the')).toThrow('the model has no tokenizer')
      expect(() => model.generate(prompt, { maxTokens: -1 })).toThrow('maxTokens is -1')
      await expect(model.score([1, 2], { from: 0 })).rejects.toThrow('from is 0, but must be in 1..2')
    }))

  test('refuses weights that do not fit its config', async () => {
    const missing = new Map(weights)
    missing.delete('model.norm.weight')
    await expect(createModel({ config, weights: missing, engine: compiled })).rejects.toThrow(
      "the weights have no 'model.norm.weight'",
    )
    await expect(createModel({ config: { ...config, ffnHidden: 8 }, weights, engine: compiled })).rejects.toThrow(
      "'model.layers.0.mlp.gate_proj.weight' is [96, 32], but by the config [8, 32]",
    )
  })

  test('says that weights are broken instead of choosing by chance', async () => {
    const broken = new Map(weights).set('model.norm.weight', {
      shape: [32],
      data: new Float32Array(32).fill(Number.NaN),
    })
    const model = await createModel({ config, weights: broken, engine: compiled })
    await expect(collect(model.generate(prompt))).rejects.toThrow('the logits after 6 tokens are no numbers')
    await model.dispose()
  })

  test('is not to be used once disposed', async () => {
    const model = await createModel({ config, weights, engine: compiled })
    const generation = model.generate(prompt)
    await model.dispose()
    await model.dispose()
    await expect(collect(generation)).rejects.toThrow('the model was disposed')
  })

  test('leaves no tensors behind', async () => {
    const before = memory().numTensors
    for (const engine of engines) {
      const model = await createModel({ config, weights, engine })
      await collect(model.generate(prompt, { maxTokens: 2 }))
      await model.score(prompt)
      await model.dispose()
    }
    expect(memory().numTensors).toBe(before)
  })
})

describe('a model with a tokenizer', () => {
  const tokenizer = loadTokenizer(byteLevelTokenizer())
  const withModel = async (work: (model: Model) => Promise<void>): Promise<void> => {
    const model = await createModel({ ...tinyModel(), engine: compiled, tokenizer })
    await work(model)
    await model.dispose()
  }
  const options = { seed: 2, temperature: 3, topP: 1, maxTokens: 30 }

  test('says what its tokens say, and only tokens that the tokenizer knows', () =>
    withModel(async (model) => {
      expect(model.config.vocabSize).toBeGreaterThan(tokenizer.vocabSize)
      const pieces: string[] = []
      const tokens: number[] = []
      for await (const { text, token } of model.generate('the', options)) {
        pieces.push(text)
        tokens.push(token)
      }
      expect(pieces.join('')).toBe(tokenizer.decode(tokens))
      expect(Math.max(...tokens)).toBeLessThan(tokenizer.vocabSize)
    }))

  test('ends before a stop string that lies across tokens', () =>
    withModel(async (model) => {
      const free = await collect(model.generate('the', options))
      const stop = free.text.slice(9, 13)
      const { text, finishReason } = await collect(model.generate('the', { ...options, stop: [stop] }))
      expect(text).toBe(free.text.slice(0, free.text.indexOf(stop)))
      expect(finishReason).toBe('stop')
    }))

  test.each(['eos', 'bos'] as const)('ends where the model says its %s', async (role) => {
    let free: readonly number[] = []
    await withModel(async (model) => {
      free = (await collect(model.generate('the', options))).tokens
    })
    const end = free[7]!
    const ending = { ...tokenizer, special: { [role]: end } }
    const model = await createModel({ ...tinyModel(), engine: compiled, tokenizer: ending })
    const { tokens, text, finishReason } = await collect(model.generate('the', options))
    expect(tokens).toEqual(free.slice(0, free.indexOf(end) + 1))
    expect(text).toBe(tokenizer.decode(tokens.slice(0, -1)))
    expect(finishReason).toBe('stop')
    await model.dispose()
  })

  test('starts an empty prompt from the token that stands between texts', () =>
    withModel(async (model) => {
      expect(model.generate('').promptTokens).toEqual([tokenizer.special.eos])
    }))
})
