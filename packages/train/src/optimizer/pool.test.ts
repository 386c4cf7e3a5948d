import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { arenaBytes, createArena, type SpawnWorker } from '@stemkit/threads'
import { spawnWorker } from '@stemkit/threads/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createOptimizerPool, type OptimizerPool } from './pool.ts'
import type { Task } from './tasks.ts'

const make = (threads: number, shared = true, room = 400_000) => {
  const arena = createArena(4 * room, { shared })
  return createOptimizerPool({ memory: arena.memory, threads, spawn: spawnWorker }).then((pool) => ({ arena, pool }))
}

/** Real threads with another script. */
const failing =
  (change: (script: string) => string): SpawnWorker =>
  (script, data, on) =>
    spawnWorker(change(script), data, on)

describe('threads', () => {
  const { arena, pools } = { arena: createArena(arenaBytes([100_000])), pools: [] as OptimizerPool[] }
  const values = arena.float32(100_000)
  beforeAll(async () => {
    for (const threads of [0, 1, 3]) {
      pools.push(await createOptimizerPool({ memory: arena.memory, threads, spawn: spawnWorker }))
    }
  })
  afterAll(() => Promise.all(pools.map((pool) => pool.dispose())))

  test('do all jobs in the order asked for, with more tasks than fit the board', async () => {
    for (const pool of pools) {
      values.fill(1)
      const ones = Array.from({ length: 1000 }, (_, i) => values.subarray(i * 100, (i + 1) * 100))
      const [doubled, sums] = await Promise.all([
        pool.run(ones.map((one, i): Task => ({ kernel: 'scale', values: one, factor: i }))),
        pool.run(ones.map((one): Task => ({ kernel: 'sumOfSquares', values: one }))),
        pool.run([{ kernel: 'zero', values }]),
      ])
      expect([...doubled!]).toEqual(ones.map(() => 0))
      expect([...sums!]).toEqual(ones.map((_, i) => 100 * i * i))
      expect(values.every((value) => value === 0)).toBe(true)
    }
  })

  test('leave the calling thread free', async () => {
    const pool = pools[1]!
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    // Some 50 ms of work in one job.
    await pool.run(Array.from({ length: 2000 }, (): Task => ({ kernel: 'scale', values, factor: 1 })))
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(5)
  })

  test('are handed an empty job without waking', async () => {
    for (const pool of pools) {
      expect(await pool.run([])).toHaveLength(0)
      expect([...(await pool.run([{ kernel: 'zero', values: values.subarray(0, 0) }]))]).toEqual([0])
    }
  })
})

describe('createOptimizerPool', () => {
  test('works on the calling thread where memory is not shared', async () => {
    const { arena, pool } = await make(2, false)
    expect(pool.threads).toBe(0)
    const values = arena.float32(5).fill(2)
    expect([...(await pool.run([{ kernel: 'sumOfSquares', values }]))]).toEqual([20])
    await pool.dispose()
  })

  test('reaches addresses beyond 2 GB and the last byte of 4', async () => {
    const arena = createArena(2 ** 32)
    arena.float32(2 ** 30 - 64)
    const end = arena.float32(64)
    const pool = await createOptimizerPool({ memory: arena.memory, threads: 1, spawn: spawnWorker })
    const [parameters, moments, squares, gradients] = [0, 16, 32, 48].map((at) => end.subarray(at, at + 16))
    gradients!.fill(1)
    const update = { learningRate: 1, t: 1, gradScale: 1, beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0 }
    const arrays = { parameters: parameters!, moments: moments!, squares: squares!, gradients: gradients! }
    await pool.run([{ kernel: 'adamw', ...arrays, update }])
    expect([...parameters!]).toEqual(Array(16).fill(-1))
    expect([...(await pool.run([{ kernel: 'sumOfSquares', values: end }]))]).toEqual([64])
    await pool.dispose()
  })

  test('refuses a number of threads that is none, and Node without a way to start them', async () => {
    const { memory } = createArena(64)
    await expect(createOptimizerPool({ memory, threads: -1 })).rejects.toMatchObject({ code: 'bad-input' })
    await expect(createOptimizerPool({ memory, threads: 1 })).rejects.toThrow('pass `spawn: spawnWorker`')
  })

  test('refuses work that does not fit its arrays, and goes on with the next', async () => {
    const { arena, pool } = await make(1)
    const [table, block, ids] = [arena.float32(40), arena.float32(12), arena.uint32(3)]
    const rows = { table, block, layers: 2, width: 2 }
    const refuses = (task: Task, message: string) =>
      expect(pool.run([{ kernel: 'zero', values: table }, task])).rejects.toMatchObject({ code: 'bad-input', message })

    table.fill(1)
    ids.set([0, 3, 10])
    await refuses({ kernel: 'gatherRows', ids, ...rows }, 'gatherRows: row 10 of a table of 10')
    ids.set([0, 3, 3])
    await refuses({ kernel: 'scatterRows', ids, ...rows }, 'scatterRows: row 3 is named twice')
    ids.set([0, 3, 9])
    await refuses(
      { kernel: 'gatherRows', ids, ...rows, block: block.subarray(1) },
      'gatherRows: an array has 11 of 12 numbers',
    )
    const update = { learningRate: 1, gradScale: 1, epsilon: 1 }
    const adagrad = { kernel: 'rowwiseAdagrad', update, ids, layers: 2, width: 2, parameters: table } as const
    await refuses(
      { ...adagrad, gradients: block, sums: block, sumStride: 2 },
      'rowwiseAdagrad: an array has 12 of 20 numbers',
    )
    await refuses(
      { ...adagrad, gradients: block, sums: block, sumStride: 1 },
      'rowwiseAdagrad: 2 numbers of a row cannot begin 1 apart',
    )
    await refuses({ kernel: 'addInto', into: block, values: table }, 'addInto: an array has 12 of 40 numbers')
    await refuses(
      { kernel: 'sumOfSquares', values: new Float32Array(4) },
      'sumOfSquares: an array is not in the memory of the pool',
    )
    const sums = { kernel: 'sumRows', into: block, summands: table, width: 4, keep: false } as const
    const starts = arena.uint32(4)
    starts.set([0, 2, 1, 3])
    await refuses({ ...sums, groups: { starts, positions: ids } }, 'sumRows: row 1 ends before it begins')
    starts.set([0, 1, 2, 4])
    await refuses({ ...sums, groups: { starts, positions: ids } }, 'sumRows: rows of 4 summands, of which 3 are named')
    starts.set([0, 1, 2, 3])
    ids.set([0, 3, 10])
    await refuses({ ...sums, groups: { starts, positions: ids } }, 'sumRows: summand 10 of 10')
    ids.set([0, 3, 9])
    await refuses(
      { ...sums, into: block.subarray(1), groups: { starts, positions: ids } },
      'sumRows: an array has 11 of 12 numbers',
    )
    expect(table.every((value) => value === 1)).toBe(true)

    await pool.run([{ kernel: 'gatherRows', ids, ...rows }])
    expect(block.every((value) => value === 1)).toBe(true)
    await pool.dispose()
  })
})

describe('a thread that fails', () => {
  test('at its start rejects the pool', async () => {
    const { memory } = createArena(64)
    const spawn = failing(() => '() => { throw new Error("no room for a thread") }')
    await expect(createOptimizerPool({ memory, threads: 2, spawn })).rejects.toMatchObject({
      code: 'unsupported',
      message: 'optimiser: a thread failed: no room for a thread',
    })
  })

  test('at work rejects that job and all later ones', async () => {
    const { memory, float32 } = createArena(640)
    const values = float32(16)
    const spawn = failing((script) => script.replace(/post\(.done.\)/, 'undefinedName()'))
    const pool = await createOptimizerPool({ memory, threads: 2, spawn })
    await expect(pool.run([{ kernel: 'zero', values }])).rejects.toThrow('undefinedName is not defined')
    await expect(pool.run([{ kernel: 'zero', values }])).rejects.toMatchObject({ code: 'unsupported' })
    await pool.dispose()
  })

  test('by ending in the middle of a job rejects it', async () => {
    const { memory, float32 } = createArena(640)
    const values = float32(16)
    const killed = failing(() => "(data, post) => { setTimeout(() => process.exit(3), 20); post('ready') }")
    const pool = await createOptimizerPool({ memory, threads: 1, spawn: killed })
    await expect(pool.run([{ kernel: 'zero', values }])).rejects.toThrow('the thread ended')
    await pool.dispose()
  })
})

describe('dispose', () => {
  test('finishes what was asked for, can be called again, and ends the pool', async () => {
    const { arena, pool } = await make(2)
    const values = arena.float32(300_000).fill(1)
    const sum = pool.run([{ kernel: 'sumOfSquares', values }])
    await Promise.all([pool.dispose(), pool.dispose()])
    expect([...(await sum)]).toEqual([300_000])
    await pool.dispose()
    await expect(pool.run([])).rejects.toMatchObject({ code: 'conflict' })
  })
})

test('a process with an idle pool ends, and one at work does not', async () => {
  const script = `
    import { createArena } from '@stemkit/threads'
    import { createOptimizerPool } from './pool.ts'
    import { spawnWorker } from '@stemkit/threads/node'
    const { memory, float32 } = createArena(400_000)
    const values = float32(90_000).fill(1)
    const pool = await createOptimizerPool({ memory, threads: 2, spawn: spawnWorker })
    for (let i = 0; i < 20; i++) await pool.run([{ kernel: 'scale', values, factor: 2 }])
    pool.run([{ kernel: 'sumOfSquares', values }]).then(([sum]) => console.log(sum === 90_000 * 4 ** 20))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    timeout: 20_000,
  })
  expect(stdout).toBe('true\n')
})
