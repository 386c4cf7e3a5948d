import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { readShards } from '../safetensors/read-shards.ts'
import { INDEX_NAME, parseShardIndex } from '../safetensors/shards.ts'
import type { TensorReader } from '../byte-file.ts'
import { inFile } from '../in-file.ts'
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
  return readShards(indexPath, fileOf, (file) => openSafetensors(join(folder, file), options))
}
