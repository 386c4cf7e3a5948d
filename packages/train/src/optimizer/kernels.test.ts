import { createArena, type Arena } from '@stemkit/threads'
import { spawnWorker } from '@stemkit/threads/node'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupPositions } from '../rows/group-positions.ts'
import { createOptimizerPool, type OptimizerPool } from './pool.ts'
import type { AdamUpdate, Task } from './tasks.ts'

/** One pool a way of working: on the calling thread with and without shared memory, and on 1, 2 and 3 threads. */
const ways = [
  { threads: 0, shared: false },
  { threads: 0, shared: true },
  { threads: 1, shared: true },
  { threads: 2, shared: true },
  { threads: 3, shared: true },
]
// The largest tables drawn below: three of 60 rows x 4 layers x 700, and their block.
const ROOM = 4 * 60 * (4 * 700 + 24) + 100
const pools: { arena: Arena; memory: Float32Array; ids: Uint32Array; pool: OptimizerPool }[] = []

beforeAll(async () => {
  for (const { threads, shared } of ways) {
    const arena = createArena(4 * ROOM + 4096, { shared })
    const pool = await createOptimizerPool({ memory: arena.memory, threads, spawn: spawnWorker })
    pools.push({ arena, memory: arena.float32(ROOM), ids: arena.uint32(1000), pool })
  }
})
afterAll(() => Promise.all(pools.map(({ pool }) => pool.dispose())))

/**
 * Runs the same task in every way, on the same numbers: `arrays` are laid one after the other with an odd gap between
 * them. Returns the arrays after it and what it summed up, having seen that all ways agree bit for bit.
 */
async function everyWay(
  arrays: readonly Float32Array[],
  taskOf: (views: Float32Array[], ids: Uint32Array) => Task,
  ids: readonly number[] = [],
): Promise<{ after: Float32Array[]; sum: number }> {
  const results: { after: Float32Array[]; sum: number }[] = []
  for (const way of pools) {
    let at = 1
    const views = arrays.map((array) => {
      const view = way.memory.subarray(at, at + array.length)
      view.set(array)
      at += array.length + 3
      return view
    })
    way.ids.set(ids)
    const [sum] = await way.pool.run([taskOf(views, way.ids.subarray(0, ids.length))])
    results.push({ after: views.map((view) => view.slice()), sum: sum! })
  }
  const [first, ...others] = results
  for (const other of others) {
    expect(other.sum).toBe(first!.sum)
    other.after.forEach((array, i) => expect(sameBits(array, first!.after[i]!)).toBe(true))
  }
  return first!
}

const sameBits = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))

/** Numbers of a generator of its own, so that a failing case can be repeated. */
function random(seed: number): (length: number, size?: number) => Float32Array {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  }
  return (length, size = 1) => Float32Array.from({ length }, () => next() * size)
}

interface Reference {
  readonly p: number
  readonly m: number
  readonly v: number
}

/** AdamW as the papers have it, in 64 bits. */
function adamw(p: number, m: number, v: number, gradient: number, update: AdamUpdate): Reference {
  const { learningRate, t, gradScale, beta1, beta2, epsilon, weightDecay } = update
  const g = gradient * gradScale
  const decayed = p - learningRate * weightDecay * p
  const m1 = beta1 * m + (1 - beta1) * g
  const v1 = beta2 * v + (1 - beta2) * g ** 2
  const step = (learningRate * (m1 / (1 - beta1 ** t))) / (Math.sqrt(v1 / (1 - beta2 ** t)) + epsilon)
  return { p: decayed - step, m: m1, v: v1 }
}

/** Whether a float32 result is the 64-bit one but for a few roundings, each relative to the `size` of what it rounded. */
const near = (actual: number, expected: number, size: number): boolean =>
  Math.abs(actual - expected) <= 4e-7 * size + 1e-37

const updates = fc.record({
  learningRate: fc.constantFrom(0, 1e-4, 3e-3, 0.1),
  t: fc.constantFrom(1, 2, 10, 100_000),
  gradScale: fc.constantFrom(1, 0.25, 1e-3),
  beta1: fc.constantFrom(0.9, 0),
  beta2: fc.constantFrom(0.95, 0.999),
  epsilon: fc.constantFrom(1e-8, 1e-3),
  weightDecay: fc.constantFrom(0, 0.1),
})
const seeds = fc.integer({ min: 1, max: 1e6 })
// Tails of all lengths, and more than a few chunks of 16384.
const lengths = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 16_380, max: 70_000 }))

function expectStep(
  [p, m, v, g]: readonly Float32Array[],
  [p1, m1, v1]: readonly Float32Array[],
  at: number,
  gradientAt: number,
  update: AdamUpdate,
): void {
  const expected = adamw(p![at]!, m![at]!, v![at]!, g![gradientAt]!, update)
  const gradient = Math.abs(g![gradientAt]! * update.gradScale)
  const moved = Math.abs(expected.p - p![at]!)
  // A step is as exact as the moment in it, whose two terms may cancel.
  const cancelled = (Math.abs(m![at]!) + gradient) / Math.max(Math.abs(expected.m), 1e-30)
  const good =
    near(p1![at]!, expected.p, Math.abs(p![at]!) + moved * Math.max(1, cancelled) + update.learningRate * 1e-3) &&
    near(m1![at]!, expected.m, Math.abs(m![at]!) + gradient) &&
    near(v1![at]!, expected.v, expected.v)
  if (!good) expect({ at, p: p1![at], m: m1![at], v: v1![at] }).toEqual({ at, ...expected })
}

describe('adamw', () => {
  test('is AdamW, at every length', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, seeds, updates, async (n, seed, update) => {
        const numbers = random(seed)
        const before = [numbers(n), numbers(n, 0.01), numbers(n, 1e-4).map(Math.abs), numbers(n, 0.05)]
        const { after } = await everyWay(before, ([parameters, moments, squares, gradients]) => ({
          kernel: 'adamw',
          parameters: parameters!,
          moments: moments!,
          squares: squares!,
          gradients: gradients!,
          update,
        }))
        for (let i = 0; i < n; i++) expectStep(before, after, i, i, update)
        expect(sameBits(after[3]!, before[3]!)).toBe(true)
      }),
      { numRuns: 25 },
    )
  })
})

const tables = fc
  .record({
    rows: fc.integer({ min: 1, max: 60 }),
    layers: fc.integer({ min: 1, max: 4 }),
    width: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(700)),
    /** Floats between the end of a row and the next one. */
    gap: fc.constantFrom(0, 0, 1, 24),
    seed: seeds,
  })
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      ids: fc.subarray(Array.from({ length: shape.rows }, (_, id) => id)),
    }),
  )

describe('adamwRows', () => {
  test('is AdamW on the rows it is given, however far apart, whose gradients lie in one block per layer, and touches no other', async () => {
    await fc.assert(
      fc.asyncProperty(tables, updates, async ({ shape: { rows, layers, width, gap, seed }, ids }, update) => {
        const numbers = random(seed)
        const stride = layers * width + gap
        const n = rows * stride - gap
        const block = numbers(layers * ids.length * width, 0.05)
        const before = [numbers(n), numbers(n, 0.01), numbers(n, 1e-4).map(Math.abs), block]
        const { after } = await everyWay(
          before,
          ([parameters, moments, squares, gradients], rowIds) => ({
            kernel: 'adamwRows',
            parameters: parameters!,
            moments: moments!,
            squares: squares!,
            gradients: gradients!,
            ids: rowIds,
            layers,
            width,
            stride,
            update,
          }),
          ids,
        )
        for (let row = 0; row < rows; row++) {
          const u = ids.indexOf(row)
          for (let i = 0; i < (row === rows - 1 ? layers * width : stride); i++) {
            const at = row * stride + i
            const layer = Math.floor(i / width)
            if (u >= 0 && layer < layers)
              expectStep(before, after, at, (layer * ids.length + u) * width + (i % width), update)
            else
              for (const k of [0, 1, 2]) if (after[k]![at] !== before[k]![at]) expect({ row, i, k }).toBe('untouched')
          }
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('rowwiseAdagrad', () => {
  test('is row-wise Adagrad in 64 bits, on the rows it is given, however far apart, and touches no other', async () => {
    await fc.assert(
      fc.asyncProperty(
        tables,
        updates,
        fc.constantFrom(0, 3),
        async ({ shape: { rows, layers, width, gap, seed }, ids }, update, sumGap) => {
          const numbers = random(seed)
          const stride = layers * width + gap
          const sumStride = layers + sumGap
          const { learningRate, gradScale, epsilon } = update
          const before = [
            numbers(rows * stride),
            numbers(rows * sumStride, 1e-3).map((sum, i) => (i % 3 === 0 ? 0 : Math.abs(sum))),
            numbers(layers * ids.length * width, 0.05),
          ]
          const [p, s, g] = before
          const { after } = await everyWay(
            before,
            ([parameters, sums, gradients], rowIds) => ({
              kernel: 'rowwiseAdagrad',
              parameters: parameters!,
              sums: sums!,
              sumStride,
              gradients: gradients!,
              ids: rowIds,
              layers,
              width,
              stride,
              update,
            }),
            ids,
          )

          const [wantedP, wantedS] = [Float64Array.from(p!), Float64Array.from(s!)]
          for (const [u, id] of ids.entries()) {
            for (let layer = 0; layer < layers; layer++) {
              const from = (layer * ids.length + u) * width
              const gradient = Array.from(g!.subarray(from, from + width), (value) => value * gradScale)
              const at = id * sumStride + layer
              wantedS[at]! += gradient.reduce((sum, value) => sum + value ** 2, 0) / width
              const rate = learningRate / (Math.sqrt(wantedS[at]!) + epsilon)
              gradient.forEach((value, i) => (wantedP[id * stride + layer * width + i]! -= rate * value))
            }
          }
          const [afterP, afterS] = after
          wantedS.forEach((wanted, at) => {
            if (!near(afterS![at]!, wanted, wanted)) expect({ at, s: afterS![at] }).toEqual({ at, s: wanted })
          })
          wantedP.forEach((wanted, at) => {
            const size = Math.abs(p![at]!) + Math.abs(wanted - p![at]!)
            if (!near(afterP![at]!, wanted, size)) expect({ at, p: afterP![at] }).toEqual({ at, p: wanted })
          })
          const untouched = Array.from({ length: rows }, (_, id) => id).filter((id) => !ids.includes(id))
          for (const id of untouched) {
            const [from, sumFrom] = [id * stride, id * sumStride]
            expect(sameBits(afterP!.subarray(from, from + stride), p!.subarray(from, from + stride))).toBe(true)
            expect(
              sameBits(afterS!.subarray(sumFrom, sumFrom + sumStride), s!.subarray(sumFrom, sumFrom + sumStride)),
            ).toBe(true)
          }
          expect(sameBits(after[2]!, g!)).toBe(true)
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('gatherRows and scatterRows', () => {
  test('take rows apart into one block per layer, and put them back', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async ({ shape: { rows, layers, width, gap, seed }, ids }) => {
        const numbers = random(seed)
        const stride = layers * width + gap
        const before = [numbers(rows * stride), numbers(layers * ids.length * width)]
        const task = (kernel: 'gatherRows' | 'scatterRows') => (views: Float32Array[], rowIds: Uint32Array) =>
          ({ kernel, table: views[0]!, block: views[1]!, ids: rowIds, layers, width, stride }) as const
        const gathered = await everyWay(before, task('gatherRows'), ids)
        const scattered = await everyWay(before, task('scatterRows'), ids)

        const [table, block] = before.map((array) => array.slice())
        const blockAfter = block!.slice()
        const tableAfter = table!.slice()
        for (let layer = 0; layer < layers; layer++) {
          ids.forEach((id, u) => {
            for (let i = 0; i < width; i++) {
              const inTable = id * stride + layer * width + i
              const inBlock = (layer * ids.length + u) * width + i
              blockAfter[inBlock] = table![inTable]!
              tableAfter[inTable] = block![inBlock]!
            }
          })
        }
        expect(sameBits(gathered.after[0]!, table!) && sameBits(gathered.after[1]!, blockAfter)).toBe(true)
        expect(sameBits(scattered.after[0]!, tableAfter) && sameBits(scattered.after[1]!, block!)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })
})

describe('sumRows', () => {
  const sums = fc
    .record({
      rows: fc.integer({ min: 1, max: 60 }),
      width: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(700)),
      keep: fc.boolean(),
      seed: seeds,
    })
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        // Many for one row, or none for most.
        rowOf: fc.array(fc.oneof(fc.integer({ min: 0, max: shape.rows - 1 }), fc.constant(shape.rows - 1)), {
          minLength: 1,
          maxLength: 200,
        }),
      }),
    )

  test('adds up what belongs to each row in the order of positions, to what is there or to nothing', async () => {
    await fc.assert(
      fc.asyncProperty(sums, async ({ shape: { rows, width, keep, seed }, rowOf }) => {
        const numbers = random(seed)
        const before = [numbers(rows * width), numbers(rowOf.length * width, 0.05)]
        const { after } = await everyWay(
          before,
          ([into, summands], room) => {
            const arrays = {
              starts: room,
              positions: new Uint32Array(room.buffer, room.byteOffset + 4 * (rows + 1), 200),
            }
            const groups = groupPositions(Int32Array.from(rowOf), rows, arrays)
            return { kernel: 'sumRows', into: into!, summands: summands!, groups, width, keep }
          },
          Array.from({ length: rows + 1 }, () => 0),
        )
        const wanted = keep ? before[0]!.slice() : new Float32Array(rows * width)
        rowOf.forEach((row, position) => {
          for (let c = 0; c < width; c++) wanted[row * width + c]! += before[1]![position * width + c]!
        })
        // Numbers, not bits: -0 alone is -0, and 0 added to 0.
        expect(after[0]!.every((value, i) => value === wanted[i])).toBe(true)
        expect(sameBits(after[1]!, before[1]!)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })
})

describe('sumOfSquares', () => {
  test('is exact to 1e-6, at every length', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, seeds, async (n, seed) => {
        const values = random(seed)(n, 1e-3)
        const { sum } = await everyWay([values], ([view]) => ({ kernel: 'sumOfSquares', values: view! }))
        const expected = values.reduce((total, value) => total + value * value, 0)
        expect(Math.abs(sum - expected)).toBeLessThanOrEqual(1e-6 * expected)
      }),
      { numRuns: 25 },
    )
  })

  // Only what shares a 32-bit sum with the large one is rounded away, 256 numbers; all in 32 bits, 0.5% would be.
  test('keeps the small numbers beside a large one', async () => {
    const values = new Float32Array(500_000).fill(0.1)
    values[0] = 1000
    const { sum } = await everyWay([values], ([view]) => ({ kernel: 'sumOfSquares', values: view! }))
    const expected = 1e6 + 499_999 * Math.fround(0.1) ** 2
    expect(Math.abs(sum - expected)).toBeLessThan(5e-6 * expected)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('shows a single %s, wherever it is', async (bad) => {
    for (const at of [0, 7, 16_383, 16_384, 40_002]) {
      const values = new Float32Array(40_003)
      values[at] = bad
      const { sum } = await everyWay([values], ([view]) => ({ kernel: 'sumOfSquares', values: view! }))
      expect(Number.isFinite(sum)).toBe(false)
    }
  })
})

describe('addInto, scale and zero', () => {
  test('do what they say, at every length, and nothing beside it', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, seeds, async (n, seed) => {
        const numbers = random(seed)
        const before = [numbers(5), numbers(n), numbers(5), numbers(n), numbers(5)]
        const expectAfter = async (task: (views: Float32Array[]) => Task, changed: Float32Array) => {
          const { after } = await everyWay(before, task)
          const expected = before.with(1, changed)
          after.forEach((array, i) => expect(sameBits(array, expected[i]!)).toBe(true))
        }
        await expectAfter(
          ([, into, , values]) => ({ kernel: 'addInto', into: into!, values: values! }),
          before[1]!.map((value, i) => value + before[3]![i]!),
        )
        await expectAfter(
          ([, values]) => ({ kernel: 'scale', values: values!, factor: 0.3 }),
          before[1]!.map((value) => value * Math.fround(0.3)),
        )
        await expectAfter(([, values]) => ({ kernel: 'zero', values: values! }), new Float32Array(n))
      }),
      { numRuns: 15 },
    )
  })
})
