import type { Batch } from './batch.ts'
import type { PackedDataset } from './pack.ts'

/** A batch of zeros, [size, length]. */
export const emptyBatch = (size: number, length: number): Batch => ({
  size,
  length,
  inputIds: new Int32Array(size * length),
  targets: new Int32Array(size * length),
  lossMask: new Float32Array(size * length),
  documentIds: new Int32Array(size * length),
  positionIds: new Int32Array(size * length),
})

/** Masked positions from `from` to the end of row `row`: a document of their own, of end-of-text tokens. */
const fillPadding = (batch: Batch, row: number, from: number, dataset: PackedDataset): void => {
  const [base, end] = [row * batch.length, (row + 1) * batch.length]
  const document = from === 0 ? 0 : batch.documentIds[base + from - 1]! + 1
  batch.inputIds.fill(dataset.endOfText, base + from, end)
  batch.targets.fill(dataset.endOfText, base + from, end)
  batch.lossMask.fill(0, base + from, end)
  batch.documentIds.fill(document, base + from, end)
  for (let t = from; t < batch.length; t++) batch.positionIds[base + t] = dataset.resetPositions ? t - from : t
}

/** Index of the first document that starts after `place`. */
const nextStart = (starts: Uint32Array, place: number): number => {
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle]! > place) high = middle
    else low = middle + 1
  }
  return low
}

/** Writes sequence `index` of a data set into row `row` of a batch of the same length; beyond its end, masked positions. */
export const fillRow = (batch: Batch, row: number, dataset: PackedDataset, index: number): void => {
  const { tokens, starts, length, resetPositions, countBoundaries } = dataset
  const from = index * length
  const size = Math.max(Math.min(length, tokens.length - 1 - from), 0)
  const base = row * length
  batch.inputIds.set(tokens.subarray(from, from + size), base)
  batch.targets.set(tokens.subarray(from + 1, from + 1 + size), base)
  batch.lossMask.fill(1, base, base + size)

  let next = nextStart(starts, from)
  let document = 0
  let origin = 0
  for (let t = 0; t < size; t++) {
    if (starts[next] === from + t) {
      next += 1
      document += 1
      if (resetPositions) origin = t
    }
    batch.documentIds[base + t] = document
    batch.positionIds[base + t] = t - origin
    if (!countBoundaries && starts[next] === from + t + 1) batch.lossMask[base + t] = 0
  }
  if (size < length) fillPadding(batch, row, size, dataset)
}

/**
 * All sequences of a data set once, in order, in batches of one size: for evaluation. The last batch is filled up with
 * masked rows, so that every counted position occurs once.
 */
export function* batchesInOrder(dataset: PackedDataset, batchSize: number): Generator<Batch> {
  for (let first = 0; first < dataset.sequences; first += batchSize) {
    const batch = emptyBatch(batchSize, dataset.length)
    for (let row = 0; row < batchSize; row++) {
      if (first + row < dataset.sequences) fillRow(batch, row, dataset, first + row)
      else fillPadding(batch, row, 0, dataset)
    }
    yield batch
  }
}
