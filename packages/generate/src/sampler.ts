import { StemkitError } from '@stemkit/spec/errors'
import { largestFirst } from './largest-first.ts'

/** How the next token is chosen. Applied in this order: repetition penalty, temperature, top-k, top-p, min-p. */
export interface SamplingOptions {
  /** Logits are divided by it; 0 takes the likeliest token (equal ones: the lowest id). Default 0.8. */
  readonly temperature?: number | undefined
  /** Only the k likeliest tokens; 0 is no limit. Default 0. */
  readonly topK?: number | undefined
  /** Only the likeliest tokens that reach this share of the probability together, in (0, 1]. Default 0.95. */
  readonly topP?: number | undefined
  /** Only tokens at least this share as likely as the likeliest, in [0, 1]. Default 0. */
  readonly minP?: number | undefined
  /** Positive logits of tokens that have occurred are divided by it, negative ones multiplied. Default 1: none. */
  readonly repetitionPenalty?: number | undefined
}

export type Sampling = { readonly [K in keyof SamplingOptions]-?: number }

/** Tokens that may come next, with probabilities that sum to 1. */
export interface Candidates {
  readonly ids: Uint32Array
  readonly probabilities: Float64Array
}

/**
 * Fills in the defaults.
 * @throws bad-input naming an option out of its range
 */
export function checkSampling(options: SamplingOptions): Sampling {
  const sampling = {
    temperature: options.temperature ?? 0.8,
    topK: options.topK ?? 0,
    topP: options.topP ?? 0.95,
    minP: options.minP ?? 0,
    repetitionPenalty: options.repetitionPenalty ?? 1,
  }
  const { temperature, topK, topP, minP, repetitionPenalty } = sampling
  const require = (sound: boolean, name: keyof Sampling, range: string): void => {
    if (!sound) throw new StemkitError('bad-input', `generate: ${name} is ${sampling[name]}, but must be ${range}`)
  }
  require(temperature >= 0 && temperature < Infinity, 'temperature', '0 (the likeliest token) or more')
  require(Number.isInteger(topK) && topK >= 0, 'topK', 'a whole number, 0 for no limit')
  require(topP > 0 && topP <= 1, 'topP', 'above 0 and at most 1')
  require(minP >= 0 && minP <= 1, 'minP', 'between 0 and 1')
  require(repetitionPenalty > 0 && repetitionPenalty < Infinity, 'repetitionPenalty', 'above 0 (1 is none)')
  return sampling
}

/** The id of the largest logit, the lowest of equal ones. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id
  return best
}

/** ln softmax(logits)[id], in 64-bit floats. */
export function logProbability(logits: ArrayLike<number>, id: number): number {
  const largest = logits[argmax(logits)]!
  let total = 0
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i]! - largest)
  return logits[id]! - largest - Math.log(total)
}

/** Logits [V] in which every token of `seen` is less likely, however often it occurs there; `logits` stay as they are. */
export function penalizeRepetition(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  if (penalty === 1) return logits
  const penalized = logits.slice()
  for (const id of new Set(seen)) {
    const logit = logits[id]!
    penalized[id] = logit > 0 ? logit / penalty : logit * penalty
  }
  return penalized
}

/** What may come next by logits [V] and the options; likeliest first where there is a limit, else by id. */
export function candidates(logits: Float32Array, sampling: Omit<Sampling, 'repetitionPenalty'>): Candidates {
  const { temperature, topK, topP, minP } = sampling
  if (temperature === 0) return { ids: Uint32Array.of(argmax(logits)), probabilities: Float64Array.of(1) }

  const largest = logits[argmax(logits)]!
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature))
  if (topK === 0 && topP === 1 && minP === 0) {
    return { ids: Uint32Array.from(weights, (_, id) => id), probabilities: normalized(weights) }
  }
  // top-p is a share of what top-k leaves.
  const likeliest = topK > 0 && topK < weights.length ? first(topK, largestFirst(logits)) : undefined
  const total = sum(likeliest?.map((id) => weights[id]!) ?? weights)
  const kept: number[] = []
  let reached = 0
  for (const id of likeliest ?? largestFirst(logits)) {
    // The largest weight is exp(0) = 1, so min-p compares with the weight itself.
    if (kept.length > 0 && (reached >= topP * total || weights[id]! < minP)) break
    kept.push(id)
    reached += weights[id]!
  }
  return { ids: Uint32Array.from(kept), probabilities: normalized(Float64Array.from(kept, (id) => weights[id]!)) }
}

/** The candidate in whose share of [0, 1) the number `u` falls. */
export function pick({ ids, probabilities }: Candidates, u: number): number {
  let reached = 0
  for (let i = 0; i < ids.length; i++) {
    reached += probabilities[i]!
    if (u < reached) return ids[i]!
  }
  // Rounding can leave the sum a little below 1; the last one that is possible at all takes what is left.
  return ids[probabilities.findLastIndex((probability) => probability > 0)]!
}

function normalized(weights: Float64Array): Float64Array {
  const total = sum(weights)
  return weights.map((weight) => weight / total)
}

function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]!
  return total
}

function first(count: number, values: Iterable<number>): number[] {
  const taken: number[] = []
  for (const value of values) if (taken.push(value) === count) break
  return taken
}
