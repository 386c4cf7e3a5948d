import { afterAll, describe, expect, test } from 'vitest'
import { spawnWorker } from '../node/spawn-worker.ts'
import { createArena } from './arena.ts'
import { createOptimizer, type DenseGroup, type TableGroup } from './optimizer.ts'
import { createOptimizerPool } from './pool.ts'

const arena = createArena(2 ** 20)
const pool = await createOptimizerPool({ memory: arena.memory, threads: 2, spawn: spawnWorker })
afterAll(() => pool.dispose())

const floats = (values: readonly number[]): Float32Array => {
  const array = arena.float32(values.length)
  array.set(values)
  return array
}
const zeros = (length: number): Float32Array => arena.float32(length).fill(0)
const ids = (values: readonly number[]): Uint32Array => {
  const array = arena.uint32(values.length)
  array.set(values)
  return array
}
/** The dense arrays of an optimiser with these parameters and gradients. */
const dense = (parameters: readonly number[], gradients: readonly number[]) => ({
  parameters: floats(parameters),
  gradients: floats(gradients),
  moments: zeros(parameters.length),
  squares: zeros(parameters.length),
})
const all = (length: number, weightDecay = 0): DenseGroup => ({ offset: 0, length, weightDecay, clipGroup: 'all' })

/** 3e-3 at its peak, 3 steps of warm-up from 0, then a cosine down to a tenth at step 30. */
const rate = (s: number): number => 3e-3 * (s < 3 ? s / 3 : 0.1 + 0.45 * (1 + Math.cos((Math.PI * (s - 3)) / 27)))

test('thirty steps follow the formulae: clipping over everything, decay where asked, a table row only when it is used', async () => {
  // Parameters 0 and 1 are decayed, 2 is not, and 3 is a table row that every third step uses.
  const arrays = dense([0.8, -1.2, 1], [0, 0, 0])
  const table: TableGroup = {
    parameters: floats([0.5]),
    moments: zeros(1),
    squares: zeros(1),
    layers: 1,
    width: 1,
    weightDecay: 0,
    clipGroup: 'all',
  }
  const optimizer = createOptimizer({
    pool,
    dense: arrays,
    groups: [
      { offset: 0, length: 2, weightDecay: 0.1, clipGroup: 'all' },
      { offset: 2, length: 1, weightDecay: 0, clipGroup: 'all' },
    ],
    tables: [table],
  })
  const rowGradient = zeros(1)
  const row = ids([0])

  const expected = [0.8, -1.2, 1, 0.5].map((p, i) => ({ p, m: 0, v: 0, decay: i < 2 ? 0.1 : 0 }))
  for (let s = 0; s < 30; s++) {
    const used = s % 3 === 0
    const gradients = [0, 1, 2, 3].map((i) => Math.fround(Math.sin(s * 1.7 + i * 2.1) * (i + 0.2)))
    arrays.gradients.set(gradients.slice(0, 3))
    rowGradient[0] = gradients[3]!
    const { norms, updated } = await optimizer.step({
      learningRate: rate(s),
      t: s + 1,
      clipNorm: 1,
      rows: [{ ids: used ? row : row.subarray(0, 0), gradients: rowGradient }],
    })

    const moving = expected.slice(0, used ? 4 : 3)
    const norm = Math.sqrt(moving.reduce((sum, _, i) => sum + gradients[i]! ** 2, 0))
    moving.forEach((x, i) => {
      const g = gradients[i]! * Math.min(1, 1 / (norm + 1e-6))
      x.p -= rate(s) * x.decay * x.p
      x.m = 0.9 * x.m + 0.1 * g
      x.v = 0.95 * x.v + 0.05 * g ** 2
      x.p -= (rate(s) * (x.m / (1 - 0.9 ** (s + 1)))) / (Math.sqrt(x.v / (1 - 0.95 ** (s + 1))) + 1e-8)
    })
    expect(updated).toBe(true)
    expect(norms['all']).toBeCloseTo(norm, 6)
    const actual = [...arrays.parameters, table.parameters[0]!]
    actual.forEach((p, i) => expect(p, `parameter ${i} after step ${s}`).toBeCloseTo(expected[i]!.p, 6))
  }
})

describe('clipping', () => {
  const step = { learningRate: 0, t: 1, clipNorm: 1 }

  test('scales each group by its own norm; the moments show by how much', async () => {
    const arrays = dense([0, 0, 0, 0], [3, 4, 0.3, 0.4])
    const table = { parameters: zeros(6), moments: zeros(6), squares: zeros(6), layers: 2, width: 1 }
    const optimizer = createOptimizer({
      pool,
      dense: arrays,
      groups: [
        { offset: 0, length: 2, weightDecay: 0, clipGroup: 'backbone' },
        { offset: 2, length: 2, weightDecay: 0, clipGroup: 'small' },
      ],
      tables: [{ ...table, weightDecay: 0, clipGroup: 'tables' }],
    })
    // Row 2, one gradient a layer, in a block with room for more.
    const rows = [{ ids: ids([2]), gradients: floats([6, 8, Number.NaN]) }]
    const { norms } = await optimizer.step({ ...step, rows })
    expect(norms['backbone']).toBeCloseTo(5, 6)
    expect(norms['small']).toBeCloseTo(0.5, 6)
    expect(norms['tables']).toBeCloseTo(10, 6)
    const moments = [0.06, 0.08, 0.03, 0.04]
    moments.forEach((m, i) => expect(arrays.moments[i]).toBeCloseTo(m, 6))
    const rowMoments = [0, 0, 0, 0, 0.06, 0.08]
    rowMoments.forEach((m, i) => expect(table.moments[i]).toBeCloseTo(m, 6))
  })

  test('an infinite limit clips nothing', async () => {
    const arrays = dense([0, 0], [3, 4])
    await createOptimizer({ pool, dense: arrays, groups: [all(2)] }).step({
      ...step,
      clipNorm: Number.POSITIVE_INFINITY,
    })
    expect(arrays.moments[0]).toBeCloseTo(0.3, 6)
  })

  test('the gradients stay as they were', async () => {
    const arrays = dense([0, 0], [3, 4])
    await createOptimizer({ pool, dense: arrays, groups: [all(2)] }).step(step)
    expect([...arrays.gradients]).toEqual([3, 4])
  })
})

test('a rate of 0 leaves the parameters and moves the moments', async () => {
  const arrays = dense([1, 2], [0.1, 0.2])
  const optimizer = createOptimizer({ pool, dense: arrays, groups: [all(2, 0.1)] })
  await optimizer.step({ learningRate: 0, t: 1, clipNorm: 1 })
  expect([...arrays.parameters]).toEqual([1, 2])
  expect(arrays.moments[0]).toBeCloseTo(0.01, 7)
  expect(arrays.squares[1]).toBeCloseTo(0.05 * 0.04, 7)
})

describe('refused, with nothing changed:', () => {
  const table = { parameters: zeros(4), moments: zeros(4), squares: zeros(4), layers: 1, width: 2 }
  const tables: TableGroup[] = [{ ...table, weightDecay: 0, clipGroup: 'tables' }]
  const step = { learningRate: 1, t: 1, clipNorm: 1 }
  const state = (arrays: ReturnType<typeof dense>) =>
    [arrays, table].flatMap((a) => [...a.parameters, ...a.moments, ...a.squares])

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('a gradient of %s', async (bad) => {
    // In the dense part, then in the rows; the norm of the other part is still told.
    for (const [first, row] of [
      [bad, 1],
      [1, bad],
    ] as const) {
      const arrays = dense([1, 2], [first, 1])
      const rows = [{ ids: ids([1]), gradients: floats([0, row]) }]
      const optimizer = createOptimizer({ pool, dense: arrays, groups: [all(2)], tables })
      const before = state(arrays)
      const { norms, updated } = await optimizer.step({ ...step, rows })
      expect(updated).toBe(false)
      expect(Object.values(norms).filter(Number.isFinite)).toHaveLength(1)
      expect(state(arrays)).toEqual(before)
    }
  })

  test('a row outside its table, and rows for another number of tables', async () => {
    const arrays = dense([1, 2], [1, 1])
    const optimizer = createOptimizer({ pool, dense: arrays, groups: [all(2)], tables })
    const before = state(arrays)
    const rows = [{ ids: ids([2]), gradients: zeros(2) }]
    await expect(optimizer.step({ ...step, rows })).rejects.toThrow('row 2 of a table of 2')
    await expect(optimizer.step(step)).rejects.toThrow('gradients for 0 of 1 tables')
    expect(state(arrays)).toEqual(before)
  })

  test('a group outside the arrays', () => {
    expect(() => createOptimizer({ pool, dense: dense([1, 2], [0, 0]), groups: [all(3)] })).toThrow('group [0, 3) of 2')
  })
})
