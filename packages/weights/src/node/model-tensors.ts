import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { INDEX_NAME, parseShardIndex } from '../safetensors/shards.ts'
import { findTensor, type TensorInfo } from '../tensor.ts'
import type { TensorReader } from './byte-file.ts'
import { inFile } from './io-error.ts'
import { openSafetensors } from './safetensors-file.ts'
import { listFolder, readSmallFile } from './small-file.ts'

type Options = { readonly signal?: AbortSignal }

/**
 * Opens the tensors of a folder: `model.safetensors`, `weights.safetensors`, or shards with their index.
 * @throws not-found if there are none; corrupt, unsupported or io, naming the file
 */
export async function openModelTensors(folder: string, options: Options = {}): Promise<TensorReader> {
  const files = await listFolder(folder)
  const single = ['model.safetensors', 'weights.safetensors'].find((name) => files.includes(name))
  if (single !== undefined) return openSafetensors(join(folder, single), options)
  if (files.includes(INDEX_NAME)) return openShards(join(folder, INDEX_NAME), folder, options)
  const other = files.find((file) => /\.(bin|pth?|gguf)$/u.test(file))
  const hint = other === undefined ? '' : `; ${other} must be saved as safetensors first`
  throw new StemkitError('not-found', `${folder} has no model.safetensors and no weights.safetensors${hint}`)
}

async function openShards(indexPath: string, folder: string, options: Options): Promise<TensorReader> {
  const bytes = await readSmallFile(indexPath, options.signal)
  const fileOf = inFile(indexPath, () => parseShardIndex(bytes))
  const readers = new Map<string, TensorReader>()
  const dispose = async (): Promise<void> => {
    await Promise.all(Array.from(readers.values(), (reader) => reader.dispose()))
  }
  try {
    for (const file of new Set(fileOf.values())) readers.set(file, await openSafetensors(join(folder, file), options))
    const tensors = new Map<string, TensorInfo>()
    for (const [name, file] of fileOf) {
      tensors.set(
        name,
        inFile(join(folder, file), () => findTensor(readers.get(file)!.tensors, name)),
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
