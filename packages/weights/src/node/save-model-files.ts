import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { layoutSafetensors } from '../safetensors/layout.ts'
import { INDEX_NAME, isModelFile, planShards, shardIndex, shardName } from '../safetensors/shards.ts'
import type { TensorSource } from '../tensor.ts'
import { inFile } from '../in-file.ts'
import { asSource, counter, stageSafetensors, type SaveOptions, type Tensors } from './safetensors-file.ts'
import { listFolder } from './small-file.ts'
import { stageFile, syncFolder, type StagedFile } from './stage-file.ts'

/** As in Hugging Face's libraries. */
export const DEFAULT_SHARD_BYTES = 5e9

export interface SaveModelOptions extends SaveOptions {
  /** Tensors beyond this are shared out over several files. Default 5 GB. */
  readonly maxShardBytes?: number
}

/**
 * Writes all tensors of a model, as one file or as shards with their index, and then the files of `others`. All of
 * it is on the disk before any file gets its name; what was there before under other names of tensors is removed.
 * @throws io with everything left as it was, bad-input for what cannot be written, or the signal's reason
 */
export async function saveModelFiles(
  folder: string,
  tensors: Tensors,
  others: ReadonlyMap<string, string | Uint8Array>,
  { maxShardBytes = DEFAULT_SHARD_BYTES, metadata = {}, signal, onProgress }: SaveModelOptions = {},
): Promise<void> {
  const source: TensorSource = asSource(tensors)
  const shards = planShards(source.tensors, maxShardBytes)
  const sizes = shards.map((shard) => inFile(folder, () => layoutSafetensors(shard, metadata).byteLength))
  const onBytes =
    onProgress &&
    counter(
      sizes.reduce((sum, bytes) => sum + bytes, 0),
      onProgress,
    )
  const writing = { ...(signal && { signal }), ...(onBytes && { onBytes }) }
  const staged: StagedFile[] = []
  try {
    for (const [i, shard] of shards.entries()) {
      staged.push(await stageSafetensors(join(folder, shardName(i, shards.length)), source, shard, metadata, writing))
    }
    const texts = new Map(others)
    if (shards.length > 1) texts.set(INDEX_NAME, JSON.stringify(shardIndex(shards), undefined, 2))
    for (const [name, content] of texts) {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content
      staged.push(await stageFile(join(folder, name), [bytes], signal ? { signal } : {}))
    }
    for (const file of staged) await file.commit()
  } catch (error) {
    await Promise.allSettled(staged.map((file) => file.discard()))
    throw error
  }
  const written = new Set(staged.map((file) => file.path))
  for (const file of await listFolder(folder)) {
    if (isModelFile(file) && !written.has(join(folder, file))) await rm(join(folder, file), { force: true })
  }
  await syncFolder(folder)
}
