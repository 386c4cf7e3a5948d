import { StemkitError } from '@stemkit/spec/errors'
import { idsFrom } from './ids-from.ts'
import { argmax, decay, scaleOf } from './softmax.ts'
import { nucleus } from './nucleus.ts'
import { topTokens } from './top-tokens.ts'

/** How the next token is chosen. Applied in this order: repetition penalty, logit bias, temperature, top-k, top-p, min-p. */
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

/** More than what a weight can be off by. */
const ROUNDING = 1e-9

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

/** Logits [V] in which every token of `seen` is less likely, however often it occurs there; `logits` stay as they are. */
export function penalizeRepetition(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  if (penalty === 1) return logits
  const penalized = logits.slice()
  for (const id of seen instanceof Set ? seen : new Set(seen)) {
    const logit = logits[id]!
    penalized[id] = logit > 0 ? logit / penalty : logit * penalty
  }
  return penalized
}

/** What may come next by logits [V] and the options, by ascending id. The vocabulary is never sorted. */
export function candidates(logits: Float32Array, sampling: Omit<Sampling, 'repetitionPenalty'>): Candidates {
  return candidatesUnder(logits, argmax(logits), sampling)
}

/** As `candidates`, where it is known which logit is the largest. */
export function candidatesUnder(
  logits: Float32Array,
  best: number,
  { temperature, topK, topP, minP }: Omit<Sampling, 'repetitionPenalty'>,
): Candidates {
  if (temperature === 0) return { ids: Uint32Array.of(best), probabilities: Float64Array.of(1) }
  if (topK > 0 && topK < logits.length) {
    // top-p is a share of what top-k leaves.
    const likeliest = topTokens(logits, topK).toSorted()
    const values = Float32Array.from(likeliest, (id) => logits[id]!)
    const { ids, probabilities } = candidates(values, { temperature, topK: 0, topP, minP })
    return { ids: ids.map((i) => likeliest[i]!), probabilities }
  }

  const largest = logits[best]!
  const scale = scaleOf(temperature)
  if (topP === 1 && minP === 0) return everyId(logits, largest, scale)
  const softmax = { largest, temperature }
  const kept =
    topP < 1 ? nucleus(logits, softmax, topP) : idsFrom(logits, largest + (Math.log(minP) - ROUNDING) * temperature)
  const ids = new Uint32Array(kept.length)
  const weights = new Float64Array(kept.length)
  let count = 0
  let total = 0
  for (let i = 0; i < kept.length; i++) {
    const weight = decay((logits[kept[i]!]! - largest) * scale)
    // The largest weight is e^0 = 1, so min-p compares with the weight itself.
    if (weight < minP) continue
    ids[count] = kept[i]!
    weights[count++] = weight
    total += weight
  }
  return { ids: ids.subarray(0, count), probabilities: divide(weights.subarray(0, count), total) }
}

function everyId(logits: Float32Array, largest: number, scale: number): Candidates {
  const ids = new Uint32Array(logits.length)
  const weights = new Float64Array(logits.length)
  let total = 0
  for (let id = 0; id < logits.length; id++) {
    ids[id] = id
    total += weights[id] = decay((logits[id]! - largest) * scale)
  }
  return { ids, probabilities: divide(weights, total) }
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

function divide(values: Float64Array, by: number): Float64Array {
  for (let i = 0; i < values.length; i++) values[i]! /= by
  return values
}
