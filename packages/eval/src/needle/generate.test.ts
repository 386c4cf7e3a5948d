import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pythonRandom } from '../python/random.ts'
import { splitWords } from '../python/text.ts'
import { readRecord } from '../testing/read-record.ts'
import { verifyNeedles, type NeedlesRecord } from '../verify/verify-needles.ts'
import { generateNeedles } from './generate.ts'
import { wordList } from './words.ts'

const countTokens = (text: string) => splitWords(text).length
const words = wordList(['old-cloud', 'tiny-fork', 'calm-river', 'loud-lamp', 'old-stone'])
const essay = Array.from({ length: 3000 }, (_, i) => (i % 9 === 8 ? 'end.' : `word${i % 100}`))

describe('generateNeedles', () => {
  it('makes the rows that lm-evaluation-harness makes, draw for draw', async () => {
    const verified = await verifyNeedles(readRecord('niah-generator') as NeedlesRecord)
    expect(verified.length).toBe(7)
    for (const outcome of verified) expect(outcome).toMatchObject({ ok: true, mismatches: [] })
  })

  it('keeps to the length and hides every answer in the text', async () => {
    const kinds = fc.record({
      haystack: fc.constantFrom('repeat', 'essay', 'needle'),
      keys: fc.constantFrom('words', 'uuids'),
      values: fc.constantFrom('numbers', 'uuids', 'words'),
      keyCount: fc.integer({ min: 1, max: 4 }),
      valueCount: fc.integer({ min: 1, max: 3 }),
      queryCount: fc.integer({ min: 1, max: 3 }),
    })
    const few = kinds.filter((kind) => Math.max(kind.keyCount, kind.queryCount) * kind.valueCount <= 5)
    await fc.assert(
      fc.asyncProperty(few, fc.integer({ min: 450, max: 1200 }), fc.nat(), async (kind, maxLength, seed) => {
        const options = { ...kind, maxLength, count: 2, countTokens, words, essay }
        const rows = await generateNeedles({ ...options, random: pythonRandom(seed) })
        for (const row of rows) {
          expect(row.length).toBeLessThanOrEqual(maxLength)
          expect(row.length).toBe(countTokens(row.input) + 128)
          expect(row.outputs.length).toBe(kind.queryCount * kind.valueCount)
          for (const answer of row.outputs) expect(row.input).toContain(answer)
        }
        expect(await generateNeedles({ ...options, random: pythonRandom(seed) })).toEqual(rows)
      }),
      { numRuns: 30 },
    )
  })

  it('leaves out questions that no text is short enough for', async () => {
    const options = { haystack: 'repeat', keys: 'words', values: 'numbers', countTokens, words } as const
    expect(await generateNeedles({ ...options, maxLength: 140, count: 3, random: pythonRandom(0) })).toEqual([])
  })

  it('says what is missing', async () => {
    const options = { keys: 'words', values: 'numbers', countTokens, words, count: 1, random: pythonRandom(0) } as const
    await expect(generateNeedles({ ...options, haystack: 'essay', maxLength: 500 })).rejects.toThrow('need the text')
    await expect(generateNeedles({ ...options, haystack: 'repeat', keyCount: 9, maxLength: 500 })).rejects.toThrow(
      'more needles than places',
    )
  })

  it('can be cancelled', async () => {
    const signal = AbortSignal.abort()
    const options = { haystack: 'repeat', keys: 'words', values: 'numbers', countTokens, words, signal } as const
    await expect(
      generateNeedles({ ...options, maxLength: 500, count: 1, random: pythonRandom(0) }),
    ).rejects.toMatchObject({ name: 'AbortError' })
  })
})
