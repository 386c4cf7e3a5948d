import type { TensorReader } from '../byte-file.ts'
import { inFile } from '../in-file.ts'
import { findTensor, type TensorInfo } from '../tensor.ts'

/** The tensors of several files as one: `fileOf` says which has which. */
export async function readShards(
  indexPath: string,
  fileOf: ReadonlyMap<string, string>,
  open: (file: string) => Promise<TensorReader>,
): Promise<TensorReader> {
  const readers = new Map<string, TensorReader>()
  const dispose = async (): Promise<void> => {
    await Promise.all(Array.from(readers.values(), (reader) => reader.dispose()))
  }
  const folder = indexPath.slice(0, indexPath.search(/[^/\\]*$/u))
  try {
    for (const file of new Set(fileOf.values())) readers.set(file, await open(file))
    const tensors = new Map<string, TensorInfo>()
    for (const [name, file] of fileOf) {
      tensors.set(
        name,
        inFile(folder + file, () => findTensor(readers.get(file)!.tensors, name)),
      )
    }
    return {
      tensors,
      metadata: Object.assign({}, ...Array.from(readers.values(), (reader) => reader.metadata)) as Record<
        string,
        string
      >,
      read: async (name, readOptions) =>
        readers.get(inFile(indexPath, () => findTensor(fileOf, name)))!.read(name, readOptions),
      dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}
