import { readLocated, type ByteFile, type TensorReader } from '../byte-file.ts'
import { inFile } from '../in-file.ts'
import { LENGTH_BYTES, parseHeader, parseHeaderLength, type ParseOptions } from './header.ts'

/**
 * Reads and checks the header of a safetensors file, wherever it is; its tensors are read when asked for, each at its place.
 * @throws corrupt or unsupported, with one line that names the file; what reading the file throws
 */
export async function readSafetensors(
  file: ByteFile,
  { signal, ...options }: ParseOptions & { readonly signal?: AbortSignal } = {},
): Promise<TensorReader> {
  const start = new Uint8Array(Math.min(LENGTH_BYTES, file.byteLength))
  await file.read(0, start, signal)
  const header = new Uint8Array(inFile(file.path, () => parseHeaderLength(start, file.byteLength, options)))
  await file.read(LENGTH_BYTES, header, signal)
  const { tensors, metadata } = inFile(file.path, () => parseHeader(header, file.byteLength))
  return readLocated(file, tensors, metadata)
}
