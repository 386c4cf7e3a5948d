import { describe, expect, test } from 'vitest'
import { arrayTables } from '../tables.ts'
import { oracleCase } from '../testing/oracle-case.ts'
import { logProbabilityOf, plainModel, type RowAt } from '../testing/plain-model.ts'
import { rowOf, smallModel, tableName, testEngine } from '../testing/small-model.ts'
import { attribute, type AttributeOptions } from './attribute.ts'

const engine = testEngine()
const model = oracleCase('stem-half')
const tables = arrayTables(model, model.weights)
const plain = plainModel(model.config, model.weights)
const prompt = model.inputIds[0]!.slice(0, 6)
const target = model.inputIds[0]!.slice(6, 8)

/** ln p(target | prompt) in 64 bits, with some rows replaced. */
function logProbability(rowAt?: RowAt): number {
  const { logits } = plain([...prompt, ...target.slice(0, -1)], rowAt)
  return target.reduce((sum, id, i) => sum + logProbabilityOf(logits[prompt.length - 1 + i]!, id), 0)
}

const meanOf = (layer: number): number[] => {
  const table = model.weights.get(tableName(layer))!
  const rows = Array.from({ length: table.shape[0]! }, (_, id) => rowOf(table, id))
  return rows[0]!.map((_, k) => rows.reduce((sum, row) => sum + row[k]!, 0) / rows.length)
}

const run = (options: Partial<AttributeOptions> = {}) =>
  attribute(model, tables, { engine, prompt, target, ...options })

describe('which rows a prediction leaned on', () => {
  test.each(['mean', 'zero'] as const)('is what changes when each is replaced by %s', async (replacement) => {
    const { logProbability: whole, effects } = await run({ replacement })
    expect(whole).toBeCloseTo(logProbability(), 4)
    const read = [...prompt, ...target.slice(0, -1)]
    expect(effects.length).toBe(tables.layers.length * new Set(read).size)
    for (const { layer, token, positions, effect } of effects) {
      expect(positions).toEqual(read.flatMap((id, at) => (id === token ? [at] : [])))
      const by = replacement === 'zero' ? meanOf(layer).map(() => 0) : meanOf(layer)
      const without = logProbability((l, at, row) => (l === layer && read[at] === token ? by : row))
      expect(effect).toBeCloseTo(logProbability() - without, 4)
    }
    expect(Math.max(...effects.map(({ effect }) => Math.abs(effect)))).toBeGreaterThan(0.1)
  })

  test('is estimated by the gradient: the slope towards the replacement', async () => {
    const { effects } = await run({ replacement: 'zero' })
    const read = [...prompt, ...target.slice(0, -1)]
    for (const { layer, token, estimate } of effects) {
      const at = (share: number): number =>
        logProbability((l, position, row) =>
          l === layer && read[position] === token ? row.map((value) => value * (1 + share)) : row,
        )
      expect(estimate).toBeCloseTo((at(1e-4) - at(-1e-4)) / 2e-4, 3)
    }
  })

  test('by occurrence, is of one position at a time', async () => {
    const repeated = [...prompt.slice(0, 2), ...prompt.slice(0, 2), prompt[2]!]
    const { effects } = await run({ prompt: repeated, target: [target[0]!], replacement: 'zero', by: 'occurrence' })
    expect(effects.length).toBe(tables.layers.length * repeated.length)
    const scoreOf = (rowAt?: RowAt): number => logProbabilityOf(plain(repeated, rowAt).logits.at(-1)!, target[0]!)
    for (const { layer, positions, effect } of effects) {
      const [position] = positions
      const without = scoreOf((l, at, row) => (l === layer && at === position ? row.map(() => 0) : row))
      expect(effect).toBeCloseTo(scoreOf() - without, 4)
    }
  })

  test('rows that nothing hangs on have no effect: those of tokens in a layer of zeros', async () => {
    const other = smallModel()
    other.weights.get('model.layers.2.mlp.down_proj.weight')!.data.fill(0)
    const found = await attribute(other, arrayTables(other, other.weights), {
      engine,
      prompt: [1, 2, 3],
      target: [4],
    })
    for (const { layer, effect, estimate } of found.effects) {
      if (layer === 2) expect([effect, estimate]).toEqual([expect.closeTo(0, 6), expect.closeTo(0, 6)])
      else expect(Math.abs(effect)).toBeGreaterThan(0)
    }
  })
})

test('a text that makes no sense is refused', async () => {
  await expect(run({ prompt: [] })).rejects.toThrow('a prompt and a target of one token or more')
  await expect(run({ target: [] })).rejects.toMatchObject({ code: 'bad-input' })
  await expect(run({ target: [9999] })).rejects.toThrow('9999')
  await expect(run({ replacement: new Float32Array(3) })).rejects.toThrow('a replacement of 3 numbers')
})
