import { StemkitError } from '@stemkit/spec/errors'
import { createRandom } from './random.ts'
import { candidatesUnder, checkSampling, penalizeRepetition, pick, type SamplingOptions } from './sampler.ts'
import { argmax, logSumExp } from './softmax.ts'
import { topTokens } from './top-tokens.ts'

/** A token and ln of the model's own probability of it. */
export interface TokenLogprob {
  readonly token: number
  readonly logprob: number
}

export interface ChooserOptions extends SamplingOptions {
  /** Makes the choices repeatable. Default: different every time. */
  readonly seed?: number | undefined
  /** What is added to the logits of tokens, by id; -Infinity rules a token out. */
  readonly logitBias?: Readonly<Record<number, number>> | undefined
  /** Whether log-probabilities are computed; without them `logprob` is NaN. Default true. */
  readonly logprobs?: boolean | undefined
  /** How many of the likeliest tokens to name beside each, 0 to 20. Default 0. */
  readonly topLogprobs?: number | undefined
}

export interface ChosenToken extends TokenLogprob {
  readonly topLogprobs?: readonly TokenLogprob[]
}

/** Chooses the tokens of one sequence, one after the other. */
export interface TokenChooser {
  /** By logits [V] after the tokens so far, which are only read. @throws diverged if they are no numbers */
  choose(logits: Float32Array): ChosenToken
}

const MAX_TOP_LOGPROBS = 20

/** @throws bad-input naming an option out of its range */
export function createTokenChooser(
  options: ChooserOptions,
  { prompt, vocabSize }: { readonly prompt: readonly number[]; readonly vocabSize: number },
): TokenChooser {
  const sampling = checkSampling(options)
  const bias = checkBias(options.logitBias, vocabSize)
  const { logprobs = true, topLogprobs = 0 } = options
  checkTopLogprobs('generate', topLogprobs)
  const random = createRandom(options.seed)
  const { temperature, repetitionPenalty } = sampling
  const seen = repetitionPenalty === 1 ? undefined : new Set(prompt)
  let made = 0

  return {
    choose(logits) {
      const best = argmax(logits)
      const largest = logits[best]!
      if (!Number.isFinite(largest)) {
        throw new StemkitError(
          'diverged',
          `generate: the logits after ${prompt.length + made} tokens are no numbers; check the weights`,
        )
      }
      const adjusted = adjust(logits)
      const likeliestNow = adjusted === logits ? best : argmax(adjusted)
      const u = random()
      const token = temperature === 0 ? likeliestNow : pick(candidatesUnder(adjusted, likeliestNow, sampling), u)
      made++
      seen?.add(token)
      if (!logprobs && topLogprobs === 0) return { token, logprob: Number.NaN }
      const total = logSumExp(logits, largest)
      const chosen = { token, logprob: logits[token]! - total }
      return topLogprobs === 0 ? chosen : { ...chosen, topLogprobs: likeliest(logits, topLogprobs, total) }
    },
  }

  function adjust(logits: Float32Array): Float32Array {
    const penalized = seen ? penalizeRepetition(logits, seen, repetitionPenalty) : logits
    if (bias.length === 0) return penalized
    const biased = penalized === logits ? logits.slice() : penalized
    for (const [id, added] of bias) biased[id]! += added
    if (biased[argmax(biased)] === -Infinity) {
      throw new StemkitError('bad-input', 'generate: logitBias rules out every token; leave one')
    }
    return biased
  }
}

/** The `count` likeliest tokens; `total` is `logSumExp` of the logits. */
export const likeliest = (logits: Float32Array, count: number, total: number): TokenLogprob[] =>
  Array.from(topTokens(logits, count), (token) => ({ token, logprob: logits[token]! - total }))

/** @throws bad-input */
export function checkTopLogprobs(verb: string, count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= MAX_TOP_LOGPROBS) return
  throw new StemkitError(
    'bad-input',
    `${verb}: topLogprobs is ${count}, but must be a whole number from 0 to ${MAX_TOP_LOGPROBS}`,
  )
}

function checkBias(bias: Readonly<Record<number, number>> | undefined, vocabSize: number): [number, number][] {
  return Object.entries(bias ?? {}).map(([key, added]) => {
    const id = Number(key)
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      throw new StemkitError('bad-input', `generate: logitBias names token ${key}, but ids are 0..${vocabSize - 1}`)
    }
    if (typeof added !== 'number' || !(added < Infinity)) {
      throw new StemkitError('bad-input', `generate: logitBias of token ${key} is ${added}, but must be a number`)
    }
    return [id, added]
  })
}
