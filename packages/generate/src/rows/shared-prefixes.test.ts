import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createRowStore } from '@stemkit/store'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { collect, createModel, overlayRows, type Model, type OverlayRows } from '../index.ts'
import { readOracleCase } from '../testing/oracle-case.ts'
import { rowOf, storedTables, tablesOf } from '../testing/stored-tables.ts'

const { config, weights, sequences } = readOracleCase('stem-half')
const engine = compiledEngine(nodeRuntime(), { threads: 1 })
const sequence = sequences[0]!
const OVERLAYS = 4

/** A prompt begins as all others do, and at some place goes on in a way of its own. */
interface Request {
  readonly overlays: readonly number[]
  readonly length: number
  readonly differsAt: number
}
const requests = fc.array(
  fc.record({
    overlays: fc.subarray(Array.from({ length: OVERLAYS }, (_, i) => i)),
    length: fc.integer({ min: 2, max: 14 }),
    differsAt: fc.integer({ min: 1, max: 20 }),
  }),
  { minLength: 2, maxLength: 8 },
)
const promptOf = ({ length, differsAt }: Request): number[] =>
  sequence.slice(0, length).map((token, at) => (at < differsAt ? token : (token + 1) % config.vocabSize))

test('what is shared between overlays changes no answer', async () => {
  const table = await storedTables(config, weights)
  const rows = createRowStore({ table, budget: 2 ** 20 })
  // Each gives two tokens of the sequence the rows of others; some have a token in common.
  for (let i = 0; i < OVERLAYS; i++) {
    const ids = [...new Set([sequence[2 + 2 * i]!, sequence[5 + i]!])].toSorted((a, b) => a - b)
    const bytes = ids.map((id) => rowOf(tablesOf(config, weights), (id + 7 + i) % config.vocabSize))
    await table.addOverlay(`${i}`, Uint32Array.from(ids), Buffer.concat(bytes))
  }
  const open = new Map<string, OverlayRows>()
  const rowsOf = async ({ overlays }: Request): Promise<OverlayRows> => {
    const names = overlays.map(String)
    const found = open.get(names.join()) ?? (await overlayRows(table, names, { base: rows }))
    open.set(names.join(), found)
    return found
  }
  const serving = { config, weights, rows, engine, speculate: false }
  const shared = await createModel({ ...serving, slots: 3, prefillChunk: 3 })
  const alone = await createModel({ ...serving, slots: 1 })
  const answer = async (model: Model, request: Request) =>
    collect(model.generate(promptOf(request), { rows: await rowsOf(request), temperature: 0, maxTokens: 3 }))
  let cached = 0
  await fc.assert(
    fc.asyncProperty(requests, async (all) => {
      const found = await Promise.all(all.map((request) => answer(shared, request)))
      for (const [i, request] of all.entries()) {
        alone.forget()
        const expected = await answer(alone, request)
        expect(found[i]!.tokens).toEqual(expected.tokens)
        found[i]!.logprobs.forEach((logprob, at) => expect(logprob).toBeCloseTo(expected.logprobs[at]!, 4))
        cached += found[i]!.usage.cachedTokens
      }
    }),
    { numRuns: 40 },
  )
  expect(cached).toBeGreaterThan(0)
  await shared.dispose()
  await alone.dispose()
})
