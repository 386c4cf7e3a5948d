import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packDocuments, type PackOptions } from './pack.ts'
import { batchesInOrder } from './rows.ts'

const END = 9
const batchOf = (documents: number[][], options: Partial<PackOptions> = {}) => {
  const dataset = packDocuments(documents, { length: 4, endOfText: END, ...options })
  const [batch] = [...batchesInOrder(dataset, dataset.sequences)]
  const rows = (values: ArrayLike<number>): number[][] =>
    Array.from({ length: dataset.sequences }, (_, i) =>
      Array.from(values).slice(i * dataset.length, (i + 1) * dataset.length),
    )
  return { dataset, batch: batch!, rows }
}

const print = (documents: number[][], options: Partial<PackOptions> = {}): string =>
  packDocuments(documents, { length: 2, endOfText: END, ...options }).fingerprint

describe('packing', () => {
  it('puts documents one after the other, an end-of-text token after each, and predicts the next token', () => {
    const { batch, rows } = batchOf([[1, 2], [3, 4, 5, 6], [7]])
    expect(rows(batch.inputIds)).toEqual([
      [1, 2, END, 3],
      [4, 5, 6, END],
      [7, END, END, END],
    ])
    expect(rows(batch.targets)).toEqual([
      [2, END, 3, 4],
      [5, 6, END, 7],
      [END, END, END, END],
    ])
    expect(rows(batch.lossMask)).toEqual([
      [1, 1, 1, 1],
      [1, 1, 1, 1],
      [1, 0, 0, 0],
    ])
    expect(rows(batch.documentIds)).toEqual([
      [0, 0, 0, 1],
      [0, 0, 0, 0],
      [0, 1, 1, 1],
    ])
    expect(rows(batch.positionIds)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ])
  })

  it('starts positions anew with each document if asked to', () => {
    const { batch, rows } = batchOf([[1, 2], [3, 4, 5, 6], [7]], { resetPositions: true })
    expect(rows(batch.positionIds)).toEqual([
      [0, 1, 2, 0],
      [0, 1, 2, 3],
      [0, 0, 1, 2],
    ])
  })

  it('does not ask for the first token of the next document if told so', () => {
    const { batch, rows, dataset } = batchOf([[1, 2], [3, 4, 5, 6], [7]], { countBoundaries: false })
    expect(rows(batch.lossMask)).toEqual([
      [1, 1, 0, 1],
      [1, 1, 1, 0],
      [1, 0, 0, 0],
    ])
    expect(dataset.report.counted).toBe(7)
  })

  it('splits a document that is longer than a sequence, and says what it did', () => {
    const { dataset } = batchOf([[1, 2, 3, 4, 5, 6, 7], [], [8]])
    expect(dataset.sequences).toBe(3)
    expect(dataset.report).toEqual({
      documents: 3,
      emptyDocuments: 1,
      splitDocuments: 1,
      tokens: 8,
      endOfTextTokens: 2,
      counted: 9,
      padded: 3,
      dropped: 0,
    })
  })

  it('leaves an unfinished last sequence out only on request, and says so', () => {
    const { dataset } = batchOf([[1, 2, 3, 4, 5, 6, 7], [8]], { last: 'drop' })
    expect(dataset.sequences).toBe(2)
    expect(dataset.report).toMatchObject({ counted: 8, padded: 0, dropped: 1 })
  })

  it('predicts every token but the first exactly once, for all documents and lengths', () => {
    const documents = fc.array(fc.array(fc.nat(8), { maxLength: 12 }), { maxLength: 8 })
    fc.assert(
      fc.property(
        documents,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        fc.boolean(),
        (texts, length, reset, count) => {
          const stream = texts.flatMap((text) => (text.length === 0 ? [] : [...text, END]))
          fc.pre(stream.length > 1)
          const options = { length, resetPositions: reset, countBoundaries: count }
          const { batch, dataset } = batchOf(texts, options)
          const documentOf = texts.filter((text) => text.length > 0).flatMap((text, d) => [...text, END].map(() => d))

          let counted = 0
          for (let i = 0; i < dataset.sequences * length; i++) {
            const origin = i - (i % length)
            const real = i + 1 < stream.length
            const inDocument = (place: number): number => (place + 1 < stream.length ? documentOf[place]! : -1)
            expect(batch.inputIds[i]).toBe(real ? stream[i] : END)
            expect(batch.targets[i]).toBe(real ? stream[i + 1] : END)
            const counts = real && (count || documentOf[i] === documentOf[i + 1])
            expect(batch.lossMask[i]).toBe(Number(counts))
            counted += Number(counts)
            if (i === origin) expect(batch.documentIds[i]).toBe(0)
            else
              expect(batch.documentIds[i]! - batch.documentIds[i - 1]!).toBe(
                Number(inDocument(i) !== inDocument(i - 1)),
              )
            let start = reset ? i : origin
            while (start > origin && inDocument(start - 1) === inDocument(i)) start -= 1
            expect(batch.positionIds[i]).toBe(i - start)
          }
          expect(dataset.report.counted).toBe(counted)
          expect(dataset.report.padded).toBe(dataset.sequences * length - (stream.length - 1))
          expect(dataset.report.tokens + dataset.report.endOfTextTokens).toBe(stream.length)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('packs ten megabytes of text, some three million tokens, in well under a second', () => {
    const documents = Array.from({ length: 3000 }, (_, d) =>
      Uint32Array.from({ length: 1000 }, (__, i) => (d * 7919 + i) % 8192),
    )
    const start = performance.now()
    const dataset = packDocuments(documents, { length: 256, endOfText: 0, vocabSize: 8192 })
    expect(performance.now() - start).toBeLessThan(1000)
    expect(dataset.report).toMatchObject({ tokens: 3_000_000, endOfTextTokens: 3000, dropped: 0 })
  })

  it('has a fingerprint that tells content and shape apart', () => {
    const base = print([[1, 2, 3]])
    expect(print([[1, 2, 3]])).toBe(base)
    const others = [print([[1, 2, 4]]), print([[1, 2, 3]], { length: 3 }), print([[1, 2, 3]], { resetPositions: true })]
    expect(new Set([base, ...others]).size).toBe(4)
  })
})

describe('what cannot be packed', () => {
  it.each([
    ['no document', [], {}, /nothing to pack: no document has a token/],
    ['only empty documents', [[], []], {}, /nothing to pack: no document has a token/],
    [
      'too little, when an unfinished sequence is left out',
      [[1]],
      { last: 'drop' },
      /2 tokens do not fill one sequence of 4/,
    ],
    [
      'an id outside the vocabulary',
      [[1], [2, 10]],
      { vocabSize: 10 },
      /Document 1 has id 10 at place 1, .* vocabulary of 10/,
    ],
    ['an id that is no integer', [[1.5]], {}, /Document 0 has id 1.5 at place 0/],
    ['a length of nothing', [[1]], { length: 0 }, /Sequences of length 0/],
    ['an end outside the vocabulary', [[1]], { vocabSize: 9 }, /end-of-text token 9 is not in the vocabulary of 9/],
  ] as [string, number[][], Partial<PackOptions>, RegExp][])('%s', (_, documents, options, message) => {
    expect(() => packDocuments(documents, { length: 4, endOfText: END, ...options })).toThrow(message)
  })
})
