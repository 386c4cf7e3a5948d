import type { Tokenizer } from '@stemkit/spec/tokenizer'

export interface EncodeProgress {
  readonly documents: number
  readonly characters: number
  readonly tokens: number
}

export interface EncodeDocumentsOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: EncodeProgress) => void
}

/** Longest time, in ms, that encoding keeps the thread from other work (a single document is not interrupted). */
const SLICE = 20

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

/**
 * Ids of one document after the other, without template. The thread is given back every 20 ms or so, when `signal`
 * is heeded and progress told.
 */
export async function* encodeDocuments(
  tokenizer: Tokenizer,
  documents: Iterable<string> | AsyncIterable<string>,
  { signal, onProgress }: EncodeDocumentsOptions = {},
): AsyncGenerator<Uint32Array> {
  const progress = { documents: 0, characters: 0, tokens: 0 }
  let since = performance.now()
  for await (const text of documents) {
    signal?.throwIfAborted()
    const ids = tokenizer.encode(text)
    progress.documents += 1
    progress.characters += text.length
    progress.tokens += ids.length
    yield ids
    if (performance.now() - since > SLICE) {
      onProgress?.({ ...progress })
      await pause()
      since = performance.now()
    }
  }
  onProgress?.({ ...progress })
}
