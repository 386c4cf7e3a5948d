import type { TableRows } from '../../table-rows.ts'
import type { Chunk } from '../decoder.ts'
import type { KvCache } from '../kv-cache.ts'
import type { Stage } from '../stage.ts'
import { gatherStepRows } from '../step-rows.ts'
import type { StepThreads } from './step-threads.ts'

interface RunByThreadsOptions {
  readonly cache: KvCache
  readonly stage: Stage | undefined
  /** Where rows come from if a chunk does not say. */
  readonly rows: TableRows
  readonly vocabSize: number
  /** One of the threads' memories for rows. */
  readonly rowMemory: Float32Array
  readonly signal?: AbortSignal | undefined
}

/** All chunks in one step of the threads, as `Decoder.run` does them. */
export async function runByThreads(
  { run }: StepThreads,
  chunks: readonly Chunk[],
  { cache, stage, rows, vocabSize, rowMemory, signal }: RunByThreadsOptions,
): Promise<Float32Array[]> {
  // What stood behind is forgotten, also if the step fails.
  for (const { slot, start } of chunks) {
    cache.lengths[slot] = Math.min(cache.lengths[slot]!, start)
    stage?.forget(slot, start)
  }
  const parts = chunks.map((chunk) => ({ rows: chunk.rows ?? rows, start: chunk.start, ids: chunk.ids }))
  const stepRows = await gatherStepRows(parts, { signal, memory: (length) => rowMemory.subarray(0, length) })
  const logits = await run(
    chunks.map(({ slot, start, ids }) => ({ place: cache.placeOf(slot), position: start, ids })),
    stepRows,
  )
  let end = 0
  return chunks.map(({ slot, start, ids, asked }) => {
    cache.lengths[slot] = start + ids.length
    end += ids.length
    const count = asked === 'all' ? ids.length : asked === 'last' ? 1 : 0
    return logits.subarray((end - count) * vocabSize, end * vocabSize)
  })
}
