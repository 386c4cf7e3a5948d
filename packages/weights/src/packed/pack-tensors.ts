import { StemkitError } from '@stemkit/spec/errors'
import type { PackedMatrix } from '@stemkit/spec/packed-matrix'
import { isFloat } from '../dtype.ts'
import { allocateFor, findTensor, rowRange, type Tensor, type TensorInfo, type TensorSource } from '../tensor.ts'
import { fromFloat32, toFloat32 } from '../values.ts'
import { blockFor, fitScales, roundToScales } from './pack-matrix.ts'
import { packForInputs } from './pack-for-inputs.ts'
import { packedInfos, scaleName, type PackedInfo } from './packed-tensors.ts'

export type FloatType = 'F32' | 'F16' | 'BF16'

/** How numbers are kept: as floats, or packed in 4 or 8 bits. */
export type WeightForm = FloatType | 'q4' | 'q8'

export interface PackTensorsOptions {
  /** Of the matrices of attention and feed-forward. */
  readonly matrices: WeightForm
  /** Of the head. Default: as the matrices, but `q8` where they are `q4`, since it counts for much and costs little. */
  readonly head?: WeightForm | undefined
  /** Of the embedding. Default F16. */
  readonly embedding?: FloatType | undefined
  /** Of STEM tables. Default F16. */
  readonly tables?: FloatType | undefined
  /** Numbers that share a scale, at most; a width that it does not divide gets smaller blocks. Default 128. */
  readonly block?: number | undefined
  /** By matrix name, x x^T [K, K] summed over the inputs of a sample text: 4-bit matrices are then packed for these; see `packForInputs`. */
  readonly grams?: ReadonlyMap<string, Float32Array> | undefined
}

const MATRIX = /\.(?:[qkvo]_proj|gate_proj|up_proj|down_proj)\.weight$/u
const HEAD = 'lm_head.weight'
const EMBEDDING = 'model.embed_tokens.weight'
const TABLE = /\.mlp\.stem_table\.weight$/u

type Form = PackedInfo | FloatType

/**
 * The tensors of a model folder with the matrices packed; computed as they are read, one at a time. Norms stay as they are, and so
 * do matrices whose width 16 does not divide.
 * @throws bad-input for weights that are packed already; while reading, for numbers that are not finite
 */
export function packTensors(source: TensorSource, options: PackTensorsOptions): TensorSource {
  const forms = new Map<string, Form>()
  for (const [name, info] of source.tensors) {
    if (!isFloat(info.dtype)) {
      throw new StemkitError('bad-input', `'${name}' is ${info.dtype}; these weights are quantized already`)
    }
    const form = formOf(name, info, options)
    if (form !== undefined) forms.set(name, form)
  }

  const origins = new Map<string, { name: string; form: Form | undefined }>()
  const tensors = new Map<string, TensorInfo>()
  for (const [name, info] of source.tensors) {
    const form = forms.get(name)
    const parts: [string, TensorInfo][] =
      form === undefined
        ? [[name, info]]
        : typeof form === 'string'
          ? [[name, { ...info, dtype: form }]]
          : packedInfos(name, form)
    for (const [part, partInfo] of parts) {
      tensors.set(part, partInfo)
      origins.set(part, { name, form })
    }
  }

  // Files have the scales of all matrices before their numbers. What takes long is kept until then; of the rest the scales, which are few.
  const fitted = new Map<string, PackedMatrix>()
  const scales = new Map<string, Float32Array>()
  const packFor = (name: string, form: PackedInfo, values: Float32Array): PackedMatrix | undefined => {
    const gram = form.bits === 4 ? options.grams?.get(name) : undefined
    const packed = fitted.get(name) ?? (gram && packForInputs(values, form.shape, gram, form))
    if (packed) fitted.set(name, packed)
    return packed
  }
  const make = async (part: string, signal: AbortSignal | undefined): Promise<Tensor> => {
    const { name, form } = findTensor(origins, part)
    const tensor = await source.read(name, signal ? { signal } : {})
    if (form === undefined) return tensor
    const values = toFloat32(tensor)
    if (typeof form === 'string') return fromFloat32(values, tensor.shape, form)
    const packed = packFor(name, form, values)
    const own = packed?.scales ?? scales.get(name) ?? fitScales(values, form.shape, form)
    scales.set(name, own)
    if (part === scaleName(name)) return fromFloat32(own, tensors.get(part)!.shape)
    fitted.delete(name)
    return { ...tensors.get(part)!, data: packed?.data ?? roundToScales(values, own, form) }
  }

  return {
    tensors,
    read: async (part, { rows, into, signal } = {}) => {
      const whole = await make(part, signal)
      if (rows === undefined && into === undefined) return whole
      const { begin, shape, length } = rowRange(part, whole, rows)
      const data = allocateFor(part, length, into)
      data.set(whole.data.subarray(begin, begin + length))
      return { dtype: whole.dtype, shape, data }
    },
  }
}

/** What becomes of a tensor; undefined: it stays. */
function formOf(name: string, { shape }: TensorInfo, options: PackTensorsOptions): Form | undefined {
  const {
    matrices,
    head = matrices === 'q4' ? 'q8' : matrices,
    embedding = 'F16',
    tables = 'F16',
    block = 128,
  } = options
  if (name === EMBEDDING) return embedding
  if (TABLE.test(name)) return tables
  if (name !== HEAD && !MATRIX.test(name)) return undefined
  const form = name === HEAD ? head : matrices
  if (form !== 'q4' && form !== 'q8') return form
  const [N = 0, K = 0] = shape
  const fitting = blockFor(K, block)
  return fitting === undefined ? undefined : { shape: [N, K], bits: form === 'q4' ? 4 : 8, block: fitting }
}
