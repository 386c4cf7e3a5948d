import { feedForwardDefinition, tokenExperts, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { expectedValues, productKeyMemory, sharedParameters, type ProductKeyMemory } from './product-key-memory.ts'

export type CapacityKind = 'dense' | 'hash_moe' | 'stem' | 'product-key memory'

/** Parameters of the layers that differ, that texts of growing length activate. */
export interface CapacityCurve {
  readonly kind: CapacityKind
  /** Whether distinct rows and experts were counted in the texts, or are expected by a formula. */
  readonly source: 'counted' | 'formula'
  /** Used by every token. */
  readonly shared: number
  /** All that there are. */
  readonly total: number
  /** Distinct parameters that the first n tokens of a text use, by length; the mean over texts. */
  readonly active: readonly number[]
}

export interface Capacity {
  /** The layers whose feed-forward differs: those of the config that are not dense, else all but the first. */
  readonly layers: readonly number[]
  readonly lengths: readonly number[]
  /** By length, the texts that are long enough. */
  readonly texts: readonly number[]
  /** By length, distinct tokens among the first n; the mean over texts. */
  readonly distinctTokens: readonly number[]
  readonly experts: number
  readonly memory: ProductKeyMemory
  readonly curves: readonly CapacityCurve[]
}

export interface MeasureCapacityOptions {
  readonly config: ModelConfig
  /** Token ids, one list per text. */
  readonly sequences: readonly ArrayLike<number>[]
  /** Default: powers of 2 up to the longest text, and its length. */
  readonly lengths?: readonly number[] | undefined
  /** Of the mixture. Default: the config's, else as many as give the model the parameters of the STEM model. */
  readonly experts?: number | undefined
  readonly memory?: Partial<ProductKeyMemory> | undefined
}

/**
 * How many distinct parameters a text activates as it grows, were the layers of a model dense, a hash mixture, STEM or a
 * product-key memory. What is outside these layers is the same for all and not counted.
 * @throws bad-input for no tokens, lengths that no text has, or ids beyond the vocabulary
 */
export function measureCapacity(options: MeasureCapacityOptions): Capacity {
  const { config, sequences } = options
  const longest = Math.max(0, ...sequences.map(({ length }) => length))
  const lengths = options.lengths ?? powersUpTo(longest)
  const wrong = lengths.find((length) => !Number.isInteger(length) || length < 1 || length > longest)
  if (longest === 0 || wrong !== undefined) {
    const why = longest === 0 ? 'the texts have no tokens' : `no text has ${wrong} tokens; the longest has ${longest}`
    throw new StemkitError('bad-input', `inspect: ${why}`)
  }
  const layers = layersThatDiffer(config)
  const experts = options.experts ?? config.experts ?? expertsLikeStem(config)
  const memory = productKeyMemory(config, options.memory)
  const tokens = meanDistinct(sequences, lengths, (ids) => ids)
  const { expertOfToken: _, ...rest } = config
  const mixture = config.experts === experts ? config : { ...rest, experts }
  const used = meanDistinct(sequences, lengths, (ids) => tokenExperts(mixture, ids))
  checkIds(config, sequences)

  const { dim, ffnHidden, vocabSize } = config
  const count = layers.length
  const dense = sizeOf(config, 'dense', layers[0]!)
  const stemShared = 2 * dim * ffnHidden
  const keys = sharedParameters(memory, dim)
  const values = (n: number): number => expectedValues(memory, n)
  const curve = (
    kind: CapacityKind,
    source: CapacityCurve['source'],
    shared: number,
    unit: number,
    units: number,
    active: readonly number[],
  ): CapacityCurve => ({
    kind,
    source,
    shared: count * shared,
    total: count * (shared + unit * units),
    active: active.map((distinct) => count * (shared + unit * distinct)),
  })
  return {
    layers,
    lengths,
    texts: lengths.map((length) => sequences.filter((ids) => ids.length >= length).length),
    distinctTokens: tokens,
    experts,
    memory,
    curves: [
      curve('stem', 'counted', stemShared, ffnHidden, vocabSize, tokens),
      curve('product-key memory', 'formula', keys, dim, memory.subKeys ** 2, lengths.map(values)),
      curve('hash_moe', 'counted', 0, dense, experts, used),
      curve(
        'dense',
        'counted',
        dense,
        0,
        0,
        lengths.map(() => 0),
      ),
    ],
  }
}

function layersThatDiffer({ feedForwards }: ModelConfig): number[] {
  const special = feedForwards.flatMap((kind, layer) => (kind === 'dense' ? [] : [layer]))
  return special.length > 0
    ? special
    : feedForwards.flatMap((_, layer) => (layer > 0 || feedForwards.length === 1 ? [layer] : []))
}

/** E with E * 3 d w = 2 d w + V w. */
const expertsLikeStem = ({ dim, vocabSize }: ModelConfig): number =>
  Math.max(2, Math.round((2 * dim + vocabSize) / (3 * dim)))

const sizeOf = (config: ModelConfig, kind: string, layer: number): number =>
  Object.values(feedForwardDefinition(kind).weights(config, layer)).reduce(
    (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  )

/** By length n, how many different values the first n tokens have, the mean over the texts that are that long. */
function meanDistinct(
  sequences: readonly ArrayLike<number>[],
  lengths: readonly number[],
  valuesOf: (ids: Int32Array) => ArrayLike<number>,
): number[] {
  const sums = lengths.map(() => 0)
  const texts = lengths.map(() => 0)
  for (const ids of sequences) {
    const values = valuesOf(Int32Array.from(ids))
    const seen = new Set<number>()
    const after = Array.from(values, (value) => seen.add(value).size)
    for (const [i, length] of lengths.entries()) {
      if (after.length < length) continue
      sums[i]! += after[length - 1]!
      texts[i]!++
    }
  }
  return sums.map((sum, i) => sum / texts[i]!)
}

function checkIds({ vocabSize }: ModelConfig, sequences: readonly ArrayLike<number>[]): void {
  for (const ids of sequences) {
    const wrong = Array.from(ids).find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize)
    if (wrong === undefined) continue
    throw new StemkitError('bad-input', `inspect: token ${wrong} is not one of 0..${vocabSize - 1} (vocabSize)`)
  }
}

function powersUpTo(longest: number): number[] {
  const powers = Array.from({ length: 31 }, (_, i) => 2 ** i).filter((power) => power < longest)
  return longest > 0 ? [...powers, longest] : powers
}
