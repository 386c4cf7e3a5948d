import { inFile } from './in-file.ts'
import type { TensorLocation } from './safetensors/header.ts'
import { allocateFor, findTensor, rowRange, type TensorSource } from './tensor.ts'

/** A file that is read at positions. */
export interface ByteFile {
  readonly path: string
  readonly byteLength: number
  /** Fills `into` with the bytes from `begin` on. Throws corrupt if the file ends before. */
  read(begin: number, into: Uint8Array, signal?: AbortSignal): Promise<void>
  dispose(): Promise<void>
}

/** Tensors that are read from an open file, which `dispose` closes. */
export interface TensorReader extends TensorSource {
  readonly metadata: Readonly<Record<string, string>>
  dispose(): Promise<void>
}

/** Tensors at known places of a file. A read touches their bytes and no others. */
export function readLocated(
  file: ByteFile,
  tensors: ReadonlyMap<string, TensorLocation>,
  metadata: Readonly<Record<string, string>> = {},
): TensorReader {
  return {
    tensors,
    metadata,
    read: async (name, { rows, into, signal } = {}) => {
      const location = inFile(file.path, () => findTensor(tensors, name))
      const { begin, shape, length } = rowRange(name, location, rows)
      const data = allocateFor(name, length, into)
      await file.read(location.begin + begin, data, signal)
      return { dtype: location.dtype, shape, data }
    },
    dispose: () => file.dispose(),
  }
}
