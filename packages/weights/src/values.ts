import { StemkitError } from '@stemkit/spec/errors'
import { DTYPE_BYTES, type Dtype } from './dtype.ts'
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from './half.ts'
import { byteLength, elementCount, showShape, type Tensor } from './tensor.ts'

/** Typed arrays by dtype. F16 and BF16 come as their bit patterns, BOOL as 0 and 1. */
const CONSTRUCTORS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const

interface Arrays {
  F64: Float64Array
  F32: Float32Array
  F16: Uint16Array
  BF16: Uint16Array
  I64: BigInt64Array
  I32: Int32Array
  I16: Int16Array
  I8: Int8Array
  U64: BigUint64Array
  U32: Uint32Array
  U16: Uint16Array
  U8: Uint8Array
  BOOL: Uint8Array
}

/** The typed array that holds a dtype. */
export type TypedArrayOf<D extends Dtype> = Arrays[D]

/**
 * The elements of a tensor as its dtype's typed array. Shares the tensor's memory where that is aligned for the
 * dtype, else copies.
 */
export function toTypedArray<D extends Dtype>(tensor: Tensor & { readonly dtype: D }): TypedArrayOf<D> {
  const { data, dtype } = tensor
  const aligned = data.byteOffset % DTYPE_BYTES[dtype] === 0 ? data : data.slice()
  const Elements = CONSTRUCTORS[dtype] as unknown as new (
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
  ) => TypedArrayOf<D>
  return new Elements(aligned.buffer, aligned.byteOffset, aligned.byteLength / DTYPE_BYTES[dtype])
}

/**
 * A tensor over the memory of a typed array; nothing is copied.
 * @throws bad-input if the array is not of the dtype or has not the shape's number of elements
 */
export function fromTypedArray<D extends Dtype>(dtype: D, shape: readonly number[], array: TypedArrayOf<D>): Tensor {
  const data = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  if (!(array instanceof CONSTRUCTORS[dtype]) || data.byteLength !== byteLength({ dtype, shape })) {
    const given = `a ${array.constructor.name} of ${array.length}`
    throw new StemkitError('bad-input', `${given} is no ${dtype} tensor of shape ${showShape(shape)}`)
  }
  return { dtype, shape: [...shape], data }
}

/**
 * The elements of a tensor of any dtype as 32-bit floats; wider numbers are rounded to nearest. An F32 tensor
 * shares its memory where that is aligned.
 */
export function toFloat32(tensor: Tensor): Float32Array {
  switch (tensor.dtype) {
    case 'F32':
      return toTypedArray(tensor as Tensor & { dtype: 'F32' })
    case 'F16':
      return decodeFloat16(toTypedArray(tensor as Tensor & { dtype: 'F16' }))
    case 'BF16':
      return decodeBfloat16(toTypedArray(tensor as Tensor & { dtype: 'BF16' }))
    case 'I64':
    case 'U64':
      return Float32Array.from(toTypedArray(tensor as Tensor & { dtype: 'I64' | 'U64' }) as BigInt64Array, Number)
    default:
      return Float32Array.from(toTypedArray(tensor) as Float64Array)
  }
}

/**
 * A tensor of floats from 32-bit ones, rounded to nearest. F32 shares the memory of `values`.
 * @throws bad-input if `values` has not the shape's number of elements
 */
export function fromFloat32(
  values: Float32Array,
  shape: readonly number[],
  dtype: 'F64' | 'F32' | 'F16' | 'BF16' = 'F32',
): Tensor {
  if (values.length !== elementCount(shape)) {
    throw new StemkitError('bad-input', `${values.length} numbers do not fill the shape ${showShape(shape)}`)
  }
  switch (dtype) {
    case 'F32':
      return fromTypedArray('F32', shape, values)
    case 'F64':
      return fromTypedArray('F64', shape, Float64Array.from(values))
    case 'F16':
      return fromTypedArray('F16', shape, encodeFloat16(values))
    case 'BF16':
      return fromTypedArray('BF16', shape, encodeBfloat16(values))
  }
}
