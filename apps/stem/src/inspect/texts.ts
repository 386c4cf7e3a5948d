import { readDocuments } from '@stemkit/data/node'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { readAddresses } from '../recipes/addresses.ts'

/** Texts of files (one text each, or one a line in `.jsonl`), by default the State of the Union addresses. */
export async function readTexts(files: readonly string[] | undefined, signal: AbortSignal): Promise<string[]> {
  if (files === undefined) return readAddresses().map(({ text }) => text)
  const texts: string[] = []
  for await (const { text } of readDocuments(files, { signal })) texts.push(text)
  return texts
}

/** Token ids by text, the first `limit` of them in all. */
export function encodeTexts(tokenizer: Tokenizer, texts: readonly string[], limit = Infinity): Uint32Array[] {
  const sequences: Uint32Array[] = []
  let left = limit
  for (const text of texts) {
    if (left <= 0) break
    const ids = tokenizer.encode(text).subarray(0, left)
    sequences.push(ids)
    left -= ids.length
  }
  return sequences
}
