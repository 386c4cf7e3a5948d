import { describe, expect, it } from 'vitest'
import { encodeDocuments, type EncodeProgress } from './documents.ts'
import { loadTokenizer } from './load.ts'
import { sentencePiece } from './testing/sentencepiece.ts'

const tokenizer = loadTokenizer(sentencePiece({}))

describe('encodeDocuments', () => {
  it('encodes each document, in order, without a template', async () => {
    const documents = ['Hello', '', 'the owl']
    const seen: EncodeProgress[] = []
    const ids: Uint32Array[] = []
    const onProgress = (progress: EncodeProgress): number => seen.push(progress)
    for await (const part of encodeDocuments(tokenizer, documents, { onProgress })) ids.push(part)
    expect(ids).toEqual(documents.map((text) => tokenizer.encode(text)))
    expect(seen.at(-1)).toEqual({ documents: 3, characters: 12, tokens: ids.flatMap((part) => [...part]).length })
  })

  it('gives the thread back, and stops when it is cancelled', async () => {
    const controller = new AbortController()
    const text = 'the owl and the cat '.repeat(2000)
    const endless = (function* () {
      while (true) yield text
    })()
    setTimeout(() => controller.abort(), 50)
    const run = async (): Promise<void> => {
      for await (const ids of encodeDocuments(tokenizer, endless, { signal: controller.signal })) {
        expect(ids.length).toBeGreaterThan(0)
      }
    }
    await expect(run()).rejects.toThrow(/abort/i)
  })
})
