/** Bytes per element of each dtype that is read and written, named as in safetensors. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const

/** How the elements of a tensor are stored. */
export type Dtype = keyof typeof DTYPE_BYTES

export const isDtype = (name: unknown): name is Dtype => typeof name === 'string' && Object.hasOwn(DTYPE_BYTES, name)

const FLOATS: ReadonlySet<Dtype> = new Set<Dtype>(['F64', 'F32', 'F16', 'BF16'])

export const isFloat = (dtype: Dtype): boolean => FLOATS.has(dtype)
