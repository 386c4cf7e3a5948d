import { StemkitError } from '@stemkit/spec/errors'
import { DTYPE_BYTES, type Dtype } from './dtype.ts'

/** What there is to know about a tensor without its numbers. */
export interface TensorInfo {
  readonly dtype: Dtype
  readonly shape: readonly number[]
}

/** A tensor as it lies in a file: row-major, little-endian bytes. */
export interface Tensor extends TensorInfo {
  readonly data: Uint8Array
}

export interface ReadOptions {
  /** Only these rows of the first dimension, from `begin` up to but not including `end`. Default: all. */
  readonly rows?: { readonly begin: number; readonly end: number }
  /** Where to put the bytes, of exactly the right length; may be shared memory. Default: a new array. */
  readonly into?: Uint8Array
  readonly signal?: AbortSignal
}

/** Named tensors that are read one at a time, so that a model need not fit in memory. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** @throws not-found for a name that is not in `tensors`, bad-input for rows out of range or an `into` of another length */
  read(name: string, options?: ReadOptions): Promise<Tensor>
}

/** The product of a shape; 1 for a scalar, NaN where it is too large to be exact. */
export function elementCount(shape: readonly number[]): number {
  if (shape.includes(0)) return 0
  let count = 1
  for (const size of shape) count *= size
  return Number.isSafeInteger(count) ? count : Number.NaN
}

/** NaN where the product is too large to be exact. */
export const byteLength = ({ dtype, shape }: TensorInfo): number => {
  const bytes = elementCount(shape) * DTYPE_BYTES[dtype]
  return Number.isSafeInteger(bytes) ? bytes : Number.NaN
}

export const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)

/** `[512, 64]`, for messages. */
export const showShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`

/**
 * The bytes of a tensor that a read with `rows` asks for, counted from the tensor's first byte.
 * @throws bad-input for rows out of range
 */
export function rowRange(
  name: string,
  info: TensorInfo,
  rows: ReadOptions['rows'],
): { begin: number; shape: number[]; length: number } {
  if (rows === undefined) return { begin: 0, shape: [...info.shape], length: byteLength(info) }
  const [count, ...rest] = info.shape
  const { begin, end } = rows
  if (count === undefined || !isSize(begin) || !isSize(end) || begin > end || end > count) {
    throw new StemkitError(
      'bad-input',
      `rows ${begin} to ${end} of '${name}' are not within its shape ${showShape(info.shape)}`,
    )
  }
  const rowBytes = elementCount(rest) * DTYPE_BYTES[info.dtype]
  return { begin: begin * rowBytes, shape: [end - begin, ...rest], length: (end - begin) * rowBytes }
}

/**
 * The place for the bytes of a read: `into`, or a new array.
 * @throws bad-input if `into` has another length, io if there is not that much memory
 */
export function allocateFor(name: string, length: number, into: Uint8Array | undefined): Uint8Array {
  if (into !== undefined) {
    if (into.byteLength === length) return into
    throw new StemkitError('bad-input', `'${name}' needs ${length} bytes, but \`into\` has ${into.byteLength}`)
  }
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new StemkitError('io', `not enough memory for the ${length} bytes of '${name}'; read it by \`rows\``, {
      cause,
    })
  }
}

/** Finds a tensor or says that it is not there. */
export function findTensor<T>(tensors: ReadonlyMap<string, T>, name: string): T {
  const found = tensors.get(name)
  if (found === undefined) throw new StemkitError('not-found', `there is no tensor '${name}'`)
  return found
}

/** Tensors in memory as a source. A read without `into` gives a view, not a copy. */
export function memorySource(tensors: ReadonlyMap<string, Tensor>): TensorSource {
  return {
    tensors,
    read: async (name, { rows, into, signal } = {}) => {
      signal?.throwIfAborted()
      const tensor = findTensor(tensors, name)
      const { begin, shape, length } = rowRange(name, tensor, rows)
      const view = tensor.data.subarray(begin, begin + length)
      if (into === undefined) return { dtype: tensor.dtype, shape, data: view }
      const data = allocateFor(name, length, into)
      data.set(view)
      return { dtype: tensor.dtype, shape, data }
    },
  }
}

/** Reads every tensor of a source into memory. */
export async function readAll(
  source: TensorSource,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Map<string, Tensor>> {
  const all = new Map<string, Tensor>()
  for (const name of source.tensors.keys()) all.set(name, await source.read(name, signal ? { signal } : {}))
  return all
}
