import { StemkitError } from '@stemkit/spec/errors'
import { byteLength, showShape, type Tensor } from '../tensor.ts'
import { layoutSafetensors } from './layout.ts'

/**
 * The bytes of a safetensors file: the same for the same tensors and metadata, whatever order they are given in.
 * @throws bad-input for a tensor whose bytes do not fit its shape, or a name or metadata that cannot be written
 */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { header, order, byteLength: total } = layoutSafetensors(tensors, metadata)
  for (const [name, tensor] of tensors) checkLength(name, tensor)
  const file = new Uint8Array(total)
  file.set(header)
  let reached = header.byteLength
  for (const name of order) {
    const { data } = tensors.get(name)!
    file.set(data, reached)
    reached += data.byteLength
  }
  return file
}

/** @throws bad-input if a tensor has not as many bytes as its shape says */
export function checkLength(name: string, tensor: Tensor): void {
  const expected = byteLength(tensor)
  if (tensor.data.byteLength === expected) return
  const { dtype, shape, data } = tensor
  throw new StemkitError(
    'bad-input',
    `'${name}' has ${data.byteLength} bytes, but ${dtype} ${showShape(shape)} needs ${expected}`,
  )
}
