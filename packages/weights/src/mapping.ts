import { StemkitError } from '@stemkit/spec/errors'
import { allocateFor, findTensor, rowRange, type Tensor, type TensorInfo, type TensorSource } from './tensor.ts'

/** Where a tensor of one layout comes from in another. */
export interface Origin {
  readonly from: string
  /** How the rows of each head move; absent: as they are. */
  readonly heads?: { readonly headDim: number; readonly to: 'halves' | 'interleaved' }
}

/** Every tensor of a layout by its name there. */
export type Mapping = ReadonlyMap<string, Origin>

/** Which row of a head becomes its row `i`. Interleaved: pairs (2i, 2i+1) turn together. Halves: (i, i + headDim / 2). */
const sourceRow = {
  halves: (i: number, headDim: number): number => (i < headDim / 2 ? 2 * i : 2 * i - headDim + 1),
  interleaved: (i: number, headDim: number): number => (i % 2 === 0 ? i / 2 : (i - 1 + headDim) / 2),
} as const

/** Moves the rows of each head of `tensor`, [heads * headDim, ...], between the two orders of rotary pairs. */
export function reorderHeads(
  tensor: Tensor,
  { headDim, to }: { headDim: number; to: 'halves' | 'interleaved' },
): Tensor {
  const rows = tensor.shape[0] ?? 0
  if (rows % headDim !== 0 || headDim % 2 !== 0) {
    throw new StemkitError('bad-input', `${rows} rows are not whole heads of ${headDim} rows`)
  }
  const rowBytes = rows === 0 ? 0 : tensor.data.byteLength / rows
  const data = new Uint8Array(tensor.data.byteLength)
  for (let row = 0; row < rows; row++) {
    const head = row - (row % headDim)
    const source = head + sourceRow[to](row - head, headDim)
    data.set(tensor.data.subarray(source * rowBytes, (source + 1) * rowBytes), row * rowBytes)
  }
  return { ...tensor, data }
}

/**
 * The tensors of one layout, read from those of another as they are asked for. Bits are moved, never changed.
 * @throws not-found if an origin is not in `source`
 */
export function mapTensors(source: TensorSource, mapping: Mapping): TensorSource {
  const infos = Array.from(mapping, ([name, { from }]): [string, TensorInfo] => {
    const { dtype, shape } = findTensor(source.tensors, from)
    return [name, { dtype, shape }]
  })
  const tensors = new Map(infos)
  return {
    tensors,
    read: async (name, options = {}) => {
      const { from, heads } = findTensor(mapping, name)
      if (heads === undefined) return source.read(from, options)
      const { rows, into, signal } = options
      const whole = reorderHeads(await source.read(from, signal ? { signal } : {}), heads)
      if (rows === undefined && into === undefined) return whole
      const { begin, shape, length } = rowRange(name, whole, rows)
      const data = allocateFor(name, length, into)
      data.set(whole.data.subarray(begin, begin + length))
      return { dtype: whole.dtype, shape, data }
    },
  }
}
