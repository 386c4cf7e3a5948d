import { StemkitError } from '@stemkit/spec/errors'
import type { PackedBits, PackedMatrix } from '@stemkit/spec/packed-matrix'
import { quote } from '../strict-json.ts'
import { showShape, type TensorInfo, type TensorSource } from '../tensor.ts'
import { toFloat32 } from '../values.ts'
import { BLOCKS } from './pack-matrix.ts'

/** In files a packed `X.weight` is two tensors, `X.weight.q4` or `.q8` (U8) and `X.weight.scale` (F32). */
const PACKED_NAME = /^(?<name>.*)\.q(?<bits>[48])$/u

const packedName = (name: string, bits: PackedBits): string => `${name}.q${bits}`
export const scaleName = (name: string): string => `${name}.scale`

/** What there is to know about a packed matrix without its numbers. */
export type PackedInfo = Pick<PackedMatrix, 'shape' | 'bits' | 'block'>

/** The tensors of a packed matrix. */
export const packedInfos = (name: string, { shape: [N, K], bits, block }: PackedInfo): [string, TensorInfo][] => [
  [packedName(name, bits), { dtype: 'U8', shape: [N, K / block, (block * bits) / 8] }],
  [scaleName(name), { dtype: 'F32', shape: [N, K / block] }],
]

/**
 * The packed matrices among tensors, by the names that they have unpacked.
 * @throws bad-input naming a packed tensor whose scales are missing or that has an impossible shape
 */
export function findPacked(tensors: ReadonlyMap<string, TensorInfo>): Map<string, PackedInfo> {
  const found = new Map<string, PackedInfo>()
  for (const [packed, { dtype, shape }] of tensors) {
    const { name, bits: digit } = PACKED_NAME.exec(packed)?.groups ?? {}
    if (name === undefined) continue
    const bits = Number(digit) as PackedBits
    const [N = 0, blocks = 0, bytes = 0] = shape
    const block = (bytes * 8) / bits
    const scale = tensors.get(scaleName(name))
    if (dtype !== 'U8' || shape.length !== 3 || !BLOCKS.includes(block)) {
      throw wrong(packed, `is ${dtype} ${showShape(shape)}, but packed weights are U8 [N, blocks, bytes of a block]`)
    }
    if (scale?.dtype !== 'F32' || scale.shape.join() !== [N, blocks].join()) {
      throw wrong(packed, `needs its scales beside it, ${quote(scaleName(name))}, F32 ${showShape([N, blocks])}`)
    }
    found.set(name, { shape: [N, blocks * block], bits, block })
  }
  return found
}

const wrong = (name: string, problem: string): StemkitError =>
  new StemkitError('bad-input', `the tensor ${quote(name)} ${problem}`)

/** The tensors with packed matrices in the place of their parts, as the float matrices that they stand for. */
export function withoutPacking(tensors: ReadonlyMap<string, TensorInfo>): Map<string, TensorInfo> {
  const packed = findPacked(tensors)
  const plain = new Map(tensors)
  for (const [name, info] of packed) {
    for (const [part] of packedInfos(name, info)) plain.delete(part)
    plain.set(name, { dtype: 'F32', shape: info.shape })
  }
  return plain
}

/** Reads one of the matrices that `findPacked` found. */
export async function readPacked(
  source: TensorSource,
  name: string,
  info: PackedInfo,
  options: { readonly signal?: AbortSignal } = {},
): Promise<PackedMatrix> {
  const { data } = await source.read(packedName(name, info.bits), options)
  const scales = toFloat32(await source.read(scaleName(name), options))
  return { ...info, data, scales }
}
