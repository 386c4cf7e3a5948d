import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAnswerTree, startSearch } from './answer-tree.ts'

const STOP = 0
/** Distinct answers of tokens 1 to 4, each with a full stop. */
const someAnswers = fc
  .uniqueArray(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 20,
    selector: String,
  })
  .map((answers) => answers.map((tokens) => [...tokens, STOP]))

test('the search finds the most probable answer, as if all of them had been read', () => {
  fc.assert(
    fc.property(someAnswers, fc.integer(), (answers, seed) => {
      /** ln p of a token behind others: arbitrary, but always the same, and of all tokens together 1. */
      const logprob = (before: readonly number[], token: number): number => {
        const weight = (t: number): number =>
          1 + Math.abs(Math.sin(seed + [...before, t].reduce((h, x) => h * 7 + x, 1)))
        return Math.log(weight(token) / [0, 1, 2, 3, 4].reduce((sum, t) => sum + weight(t), 0))
      }
      const totals = answers.map((tokens) => tokens.reduce((sum, t, i) => sum + logprob(tokens.slice(0, i), t), 0))
      const search = startSearch(createAnswerTree(answers))
      let reads = 0
      while (!search.found) {
        const { wanted } = search
        reads++
        search.tell(new Map([0, 1, 2, 3, 4].map((token) => [token, logprob(wanted, token)])))
      }
      expect(search.found.logprob).toBeCloseTo(Math.max(...totals), 9)
      expect(totals[search.found.answer]).toBeCloseTo(search.found.logprob, 9)
      expect(reads).toBeLessThanOrEqual(new Set(answers.flatMap((a) => a.map((_, i) => a.slice(0, i).join()))).size)
    }),
  )
})

test('the tokens behind which answers go on are known', () => {
  const { inner } = createAnswerTree([
    [1, 2, STOP],
    [1, 3, STOP],
    [4, STOP],
  ])
  expect([...inner].toSorted()).toEqual([1, 2, 3, 4])
})
