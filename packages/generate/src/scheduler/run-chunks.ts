import type { Chunk, Decoder } from '../decoder/decoder.ts'

export interface ChunkResults {
  /** Logits [R, V] of chunk `i`, in memory that the next run uses again. */
  done(i: number, logits: Float32Array): void
  failed(i: number, error: unknown): void
}

/**
 * One run of the decoder; where that fails, one for each chunk, so that an error meets the sequence that it is about.
 * @throws the reason of `signal`
 */
export async function runChunks(
  decoder: Decoder,
  chunks: readonly Chunk[],
  signal: AbortSignal,
  { done, failed }: ChunkResults,
): Promise<void> {
  let logits: Float32Array[]
  try {
    logits = await decoder.run(chunks, { signal })
  } catch (error) {
    signal.throwIfAborted()
    if (chunks.length === 1) failed(0, error)
    else {
      for (const [i, chunk] of chunks.entries()) {
        await runChunks(decoder, [chunk], signal, {
          done: (_, found) => done(i, found),
          failed: (_, why) => failed(i, why),
        })
      }
    }
    return
  }
  logits.forEach((found, i) => done(i, found))
}
