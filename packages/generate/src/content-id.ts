import { listWeights, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import type { RowStore } from '@stemkit/store'
import { widened } from './floats-of.ts'
import type { ModelWeight } from './model.ts'

/** Hashed at a time: what is hashed has to be in ordinary memory and in one piece. */
const CHUNK_BYTES = 64 * 2 ** 20

/**
 * `sha256:...` of the config and of every weight's numbers: two models with the same id give the same answers, whatever
 * files they come from. Takes about a second for a gigabyte.
 */
export async function contentId(
  config: ModelConfig,
  weights: ReadonlyMap<string, ModelWeight>,
  {
    custom,
    rows,
    signal,
  }: {
    readonly custom?: CustomFeedForwards | undefined
    /** Where the tables are, if not among the weights: they count by table and version. */
    readonly rows?: Pick<RowStore, 'id' | 'version'> | undefined
    readonly signal?: AbortSignal | undefined
  } = {},
): Promise<string> {
  const lines = [JSON.stringify(Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1)))]
  if (rows) lines.push(`rows ${rows.id}/${rows.version}`)
  for (const [name, { role }] of listWeights(config, custom)) {
    if (rows && role === 'table') continue
    const weight = weights.get(name)!
    const digests: string[] = []
    for (const chunk of chunksOf(weight)) {
      signal?.throwIfAborted()
      digests.push(await sha256(chunk))
    }
    lines.push(`${name} ${digests.join(' ')}`)
  }
  return `sha256:${await sha256(new TextEncoder().encode(lines.join('\n')))}`
}

/** The bytes of its numbers; floats of 16 bits as the 32-bit ones that they are. */
function* chunksOf(weight: ModelWeight): Generator<Uint8Array> {
  if (weight.data instanceof Uint16Array) {
    const size = CHUNK_BYTES / 4
    for (let from = 0; from < weight.data.length; from += size) {
      const { buffer, byteOffset, byteLength } = widened(weight, weight.data.subarray(from, from + size))
      yield new Uint8Array(buffer, byteOffset, byteLength)
    }
    return
  }
  for (const { buffer, byteOffset, byteLength } of 'bits' in weight ? [weight.data, weight.scales] : [weight.data]) {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) yield bytes.slice(from, from + CHUNK_BYTES)
  }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  // A slice of shared memory is an ordinary copy, which the type does not say.
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
