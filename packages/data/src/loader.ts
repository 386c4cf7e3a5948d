import { StemkitError } from '@stemkit/spec/errors'
import type { Batch } from './batch.ts'
import type { PackedDataset } from './pack.ts'
import { permutation } from './random.ts'
import { emptyBatch, fillRow } from './rows.ts'

/** A data set of a mixture, and its share of the sequences. */
export interface MixturePart {
  readonly sequences: PackedDataset
  /** Shares are weights divided by their sum. */
  readonly weight: number
}

export interface LoaderOptions {
  /** One data set, or several of equal sequence length to be mixed. */
  readonly sequences: PackedDataset | readonly MixturePart[]
  /** B. */
  readonly batchSize: number
  /** A safe non-negative integer. Default: 0. */
  readonly seed?: number
  /** Whether each epoch has an order of its own, made of seed and epoch only. Default: true. */
  readonly shuffle?: boolean
}

/** Where a loader is: plain JSON. It does not depend on the batch size. */
export interface LoaderState {
  readonly version: 1
  readonly seed: number
  readonly shuffle: boolean
  readonly parts: readonly {
    readonly fingerprint: string
    readonly weight: number
    /** Sequences drawn so far, over all epochs. */
    readonly drawn: number
  }[]
}

/** Endless batches, epoch after epoch. Iterating and `next` draw from the same place. */
export interface Loader extends Iterable<Batch> {
  /** The next B sequences; a batch may reach into the next epoch. */
  next(): Batch
  state(): LoaderState
  /** Goes to where `state` was taken. Throws `conflict`, changing nothing, if it belongs to other data or another order. */
  restore(state: LoaderState): void
}

interface Part {
  readonly dataset: PackedDataset
  readonly weight: number
  readonly share: number
  drawn: number
  /** The order of one epoch. */
  order: { readonly epoch: number; readonly indices: Uint32Array } | undefined
}

const refuse = (message: string): never => {
  throw new StemkitError('bad-input', message)
}

const partsOf = (sequences: LoaderOptions['sequences']): Part[] => {
  const given = 'tokens' in sequences ? [{ sequences, weight: 1 }] : sequences
  const [first] = given
  if (first === undefined) return refuse('A mixture needs at least one data set')
  for (const { sequences: dataset, weight } of given) {
    if (!(weight > 0 && weight < Infinity)) refuse(`The weight of a data set must be a positive number, not ${weight}`)
    if (dataset.length !== first.sequences.length) {
      refuse(`Data sets of sequence lengths ${first.sequences.length} and ${dataset.length} cannot be mixed`)
    }
  }
  const total = given.reduce((sum, { weight }) => sum + weight, 0)
  return given.map(({ sequences: dataset, weight }) => {
    return { dataset, weight, share: weight / total, drawn: 0, order: undefined }
  })
}

/** The part that is furthest behind its share: counts never stray from the shares by more than the number of parts. */
const partBehind = (parts: readonly Part[]): Part => {
  const total = parts.reduce((sum, part) => sum + part.drawn, 1)
  const behind = (part: Part): number => part.share * total - part.drawn
  return parts.reduce((best, part) => (behind(part) > behind(best) ? part : best))
}

const conflict = (message: string): never => {
  throw new StemkitError('conflict', `This loader state cannot be restored: ${message}`)
}

/** A checkpoint may hold anything. */
const checkState = (state: LoaderState, parts: readonly Part[], seed: number, shuffle: boolean): void => {
  if (state?.version !== 1 || !Array.isArray(state.parts)) conflict('it is not one, or of another version')
  if (state.seed !== seed) conflict(`it was taken with seed ${state.seed}, here it is ${seed}`)
  if (state.shuffle !== shuffle) conflict(`shuffling was ${state.shuffle ? 'on' : 'off'}`)
  if (state.parts.length !== parts.length)
    conflict(`it is of ${state.parts.length} data sets, here there are ${parts.length}`)
  for (const [i, part] of parts.entries()) {
    const { fingerprint, weight, drawn } = state.parts[i]!
    if (fingerprint !== part.dataset.fingerprint) {
      conflict(`data set ${i} is ${part.dataset.fingerprint}, it was taken from ${fingerprint}`)
    }
    if (weight !== part.weight) conflict(`data set ${i} had weight ${weight}, here it is ${part.weight}`)
    if (!Number.isSafeInteger(drawn) || drawn < 0) conflict(`its place in data set ${i} is ${drawn}`)
  }
}

/**
 * Draws batches from packed data. The order depends on the data, the weights, `seed` and `shuffle` only; parts of a
 * mixture take turns by weight, without chance. Throws `bad-input` for options that cannot be.
 */
export const createLoader = ({ sequences, batchSize, seed = 0, shuffle = true }: LoaderOptions): Loader => {
  const parts = partsOf(sequences)
  const length = parts[0]!.dataset.length
  if (!Number.isInteger(batchSize) || batchSize < 1) refuse(`A batch cannot have ${batchSize} sequences`)
  if (!Number.isSafeInteger(seed) || seed < 0) refuse(`A seed must be a safe non-negative integer, not ${seed}`)

  const draw = (part: Part): number => {
    const size = part.dataset.sequences
    const epoch = Math.floor(part.drawn / size)
    const place = part.drawn % size
    part.drawn += 1
    if (!shuffle) return place
    if (part.order?.epoch !== epoch) part.order = { epoch, indices: permutation(size, seed, epoch) }
    return part.order.indices[place]!
  }
  const next = (): Batch => {
    const batch = emptyBatch(batchSize, length)
    for (let row = 0; row < batchSize; row++) {
      const part = partBehind(parts)
      fillRow(batch, row, part.dataset, draw(part))
    }
    return batch
  }
  return {
    next,
    state: () => ({
      version: 1,
      seed,
      shuffle,
      parts: parts.map(({ dataset, weight, drawn }) => ({ fingerprint: dataset.fingerprint, weight, drawn })),
    }),
    restore: (state) => {
      checkState(state, parts, seed, shuffle)
      for (const [i, part] of parts.entries()) part.drawn = state.parts[i]!.drawn
    },
    *[Symbol.iterator]() {
      while (true) yield next()
    },
  }
}
