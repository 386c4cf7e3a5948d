import { StemkitError } from '@stemkit/spec/errors'
import { isStringMap, parseStrictJson, quote } from '../strict-json.ts'
import { byteLength, type TensorInfo } from '../tensor.ts'

/** The name of the file that says which shard has which tensor, as Hugging Face writes it. */
export const INDEX_NAME = 'model.safetensors.index.json'

/** A file name within the folder, not a path out of it. */
const SHARD_NAME = /^[^/\\:\0]+\.safetensors$/u

/**
 * Reads an index: the shard of every tensor.
 * @throws corrupt for an index that is malformed or names files outside its folder
 */
export function parseShardIndex(bytes: Uint8Array): Map<string, string> {
  const what = 'the index of the shards'
  const { weight_map: weightMap } = parseStrictJson(what, bytes, { maxDepth: 8 })
  if (!isStringMap(weightMap)) throw new StemkitError('corrupt', `${what} has no weight_map of names to files`)
  for (const [name, file] of Object.entries(weightMap)) {
    if (!SHARD_NAME.test(file)) {
      throw new StemkitError('corrupt', `${what} says that ${quote(name)} is in ${quote(file)}, which is no file name`)
    }
  }
  return new Map(Object.entries(weightMap))
}

/**
 * Shares tensors out, in the order of their names, over files whose tensors have at most `maxBytes` each; a larger
 * tensor has a file to itself.
 */
export function planShards(tensors: ReadonlyMap<string, TensorInfo>, maxBytes: number): Map<string, TensorInfo>[] {
  if (!(maxBytes > 0))
    throw new StemkitError('bad-input', `the largest shard must have a positive size, not ${maxBytes} bytes`)
  const shards: Map<string, TensorInfo>[] = []
  let room = 0
  for (const [name, info] of [...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const bytes = byteLength(info)
    if (bytes > room || shards.length === 0) {
      shards.push(new Map())
      room = maxBytes
    }
    shards.at(-1)!.set(name, info)
    room -= bytes
  }
  return shards.length === 0 ? [new Map()] : shards
}

/** `model-00001-of-00003.safetensors`; a single file is `model.safetensors`. */
export const shardName = (index: number, count: number): string => {
  const [place, of] = [index + 1, count].map((n) => String(n).padStart(5, '0'))
  return count === 1 ? 'model.safetensors' : `model-${place}-of-${of}.safetensors`
}

/** Whether a file is the tensors of a model, or a part of them. */
export const isModelFile = (file: string): boolean =>
  file === 'model.safetensors' ||
  file === 'weights.safetensors' ||
  file === INDEX_NAME ||
  /^model-\d{5}-of-\d{5}\.safetensors$/u.test(file)

/** The index of shards, to be written as JSON. */
export function shardIndex(shards: readonly ReadonlyMap<string, TensorInfo>[]): Record<string, unknown> {
  const files = shards.flatMap((shard, i) =>
    Array.from(shard.keys(), (name): [string, string] => [name, shardName(i, shards.length)]),
  )
  const bytes = shards.flatMap((shard) => Array.from(shard.values(), byteLength))
  return { metadata: { total_size: bytes.reduce((sum, size) => sum + size, 0) }, weight_map: Object.fromEntries(files) }
}
