import {
  byteLength,
  findPacked,
  readPacked,
  toFloat32,
  toTypedArray,
  type PackedInfo,
  type Tensor,
  type TensorSource,
} from '@stemkit/weights'
import { inOrder } from './in-order.ts'
import type { ModelWeight } from './model.ts'

export interface ReadWeightsOptions {
  /** Tensors that are read at once. */
  readonly atOnce: number
  readonly signal?: AbortSignal | undefined
  /** Told after every tensor. */
  readonly onProgress?: ((progress: { readonly bytes: number; readonly totalBytes: number }) => void) | undefined
  /** Left out. */
  readonly isUnwanted?: ((name: string) => boolean) | undefined
}

/** The weights of a model in memory. Packed matrices stay packed, matrices of half precision half, and tables of 16 bits as they are. */
export async function readWeights(
  tensors: TensorSource,
  { atOnce, signal, onProgress, isUnwanted = () => false }: ReadWeightsOptions,
): Promise<Map<string, ModelWeight>> {
  const wanted = [...tensors.tensors].filter(([name]) => !isUnwanted(name))
  const totalBytes = wanted.reduce((sum, [, info]) => sum + byteLength(info), 0)
  let bytes = 0
  const source: TensorSource = {
    tensors: tensors.tensors,
    async read(name, how) {
      const tensor = await tensors.read(name, how)
      bytes += tensor.data.byteLength
      onProgress?.({ bytes, totalBytes })
      return tensor
    },
  }
  const packed = findPacked(tensors.tensors)
  const names = [...packed.keys(), ...wanted.map(([name]) => name).filter((name) => !isPart(name, packed))]
  const read = inOrder(names, { window: atOnce, signal }, async (name, _, stop): Promise<[string, ModelWeight]> => {
    const info = packed.get(name)
    if (info) return [name, await readPacked(source, name, info, { signal: stop })]
    return [name, asWeight(name, await source.read(name, { signal: stop }))]
  })
  const weights = new Map<string, ModelWeight>()
  for await (const [name, weight] of read) weights.set(name, weight)
  return weights
}

/** Packed matrices are two tensors each. */
const isPart = (tensor: string, packed: ReadonlyMap<string, PackedInfo>): boolean =>
  packed.has(tensor.replace(/\.(q[48]|scale)$/u, ''))

/** Half a table or matrix takes half the memory; norms are small, and products with BF16 are not computed. */
function asWeight(name: string, tensor: Tensor): ModelWeight {
  const { dtype, shape } = tensor
  const isTable = name.endsWith('.stem_table.weight')
  if (dtype === 'F16' && shape.length > 1) return { shape, data: toTypedArray({ ...tensor, dtype }) }
  if (dtype === 'BF16' && isTable) return { dtype: 'bf16', shape, data: toTypedArray({ ...tensor, dtype }) }
  return { shape, data: toFloat32(tensor) }
}
