import { arenaBytes, createArena } from '@stemkit/threads'
import { spawnWorker } from '@stemkit/threads/node'
import { createOptimizerPool, type OptimizerPool } from '../../../packages/train/src/optimizer/pool.ts'
import type { AdamUpdate, Moving, Task } from '../../../packages/train/src/optimizer/tasks.ts'
import { describeMachine, type BenchmarkOptions, type Report, type Result, type Target } from './report.ts'
import { interleave, medianRatio, type Timing } from './timing.ts'

/** Parameters of a model of 6 layers, d 512, d_ff 1408, vocabulary 8192. */
const FLOATS = 28_300_000
/** Bytes that pass between memory and core for one float. */
const BYTES = { adamw: 7 * 4, add: 3 * 4, copy: 2 * 4, norm: 4 }
/** Four arrays of it fit a core's own cache: what the kernel could do if memory were no limit. */
const CACHED = 8192
/** Passes over `CACHED`, so that handing the work over does not show. */
const PASSES = 256

const UPDATE: AdamUpdate = {
  learningRate: 3e-4,
  t: 10,
  gradScale: 0.5,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
}

/**
 * One AdamW pass and one gradient norm over 28.3M floats, on one thread and two, against the same loop in JavaScript and
 * against what the memory of this machine gives in the same rounds.
 */
export async function run({ progress, quick = false, signal }: BenchmarkOptions): Promise<Report> {
  const arena = createArena(arenaBytes([FLOATS, FLOATS, FLOATS, FLOATS, CACHED, CACHED, CACHED, CACHED]))
  const take = (length: number): Moving => ({
    parameters: arena.float32(length),
    moments: arena.float32(length),
    squares: arena.float32(length),
    gradients: arena.float32(length),
  })
  const large = fill(take(FLOATS))
  const small = fill(take(CACHED))

  await using pools = new AsyncDisposableStack()
  const start = async (threads: number): Promise<OptimizerPool> =>
    pools.adopt(await createOptimizerPool({ memory: arena.memory, threads, spawn: spawnWorker }), (pool) =>
      pool.dispose(),
    )
  const [one, two] = [await start(1), await start(2)]

  const adamw: Task = { kernel: 'adamw', ...large, update: UPDATE }
  const norm: Task = { kernel: 'sumOfSquares', values: large.gradients }
  const add: Task = { kernel: 'addInto', into: large.moments, values: large.gradients }
  const cached: Task[] = Array.from({ length: PASSES }, () => ({ kernel: 'adamw', ...small, update: UPDATE }))
  const nothing: Task = { kernel: 'zero', values: small.gradients.subarray(0, 1) }
  const job = (pool: OptimizerPool, ...tasks: Task[]) => ({ run: async () => void (await pool.run(tasks)) })

  const times = await interleave(
    {
      adamwOne: job(one, adamw),
      adamwTwo: job(two, adamw),
      adamwJavaScript: { run: async () => adamwInJavaScript(large, UPDATE) },
      normOne: job(one, norm),
      normTwo: job(two, norm),
      addTwo: job(two, add),
      copy: { run: async () => large.moments.set(large.gradients) },
      cachedOne: job(one, ...cached),
      handOver: job(two, nothing),
    },
    { rounds: quick ? 2 : 7, warmUp: quick ? 1 : 3, progress, ...(signal ? { signal } : {}) },
  )

  const result = (metric: string, value: number, unit: string, target: Target = null): Result => ({
    metric,
    value,
    unit,
    target,
  })
  const gigabytes = (bytes: number, { median }: Timing): number => (bytes * FLOATS) / median / 1e6
  return {
    benchmark: 'optimizer',
    machine: describeMachine(),
    results: [
      result('adamw_two_threads', times.adamwTwo.median, 'ms', '<= 10'),
      result('adamw_one_thread', times.adamwOne.median, 'ms', '<= 18'),
      result('adamw_two_threads_bandwidth', gigabytes(BYTES.adamw, times.adamwTwo), 'GB/s'),
      result('adamw_one_thread_bandwidth', gigabytes(BYTES.adamw, times.adamwOne), 'GB/s'),
      result('adamw_in_cache_one_thread', times.cachedOne.median * (FLOATS / (PASSES * CACHED)), 'ms'),
      result('adamw_javascript', times.adamwJavaScript.median, 'ms'),
      result('adamw_vs_javascript', medianRatio(times.adamwJavaScript, times.adamwTwo), 'times as fast'),
      result('norm_two_threads', times.normTwo.median, 'ms'),
      result('norm_one_thread', times.normOne.median, 'ms'),
      result('memcpy_bandwidth', gigabytes(BYTES.copy, times.copy), 'GB/s'),
      result('add_two_threads_bandwidth', gigabytes(BYTES.add, times.addTwo), 'GB/s'),
      // Adding does next to nothing but move memory, by the same reads and writes in place.
      result(
        'adamw_share_of_bandwidth',
        (BYTES.adamw / BYTES.add) * medianRatio(times.addTwo, times.adamwTwo),
        'ratio of GB/s',
        '>= 0.9',
      ),
      result('hand_over', times.handOver.median, 'ms'),
    ],
  }
}

/** Numbers as in training: gradients and moments of no size in particular, none of them 0 or denormal. */
function fill(arrays: Moving): Moving {
  const { parameters, moments, squares, gradients } = arrays
  for (let i = 0; i < parameters.length; i++) {
    parameters[i] = Math.sin(i)
    gradients[i] = 1e-3 * Math.sin(i * 1.7) + 2e-3
    moments[i] = 1e-3
    squares[i] = 1e-6
  }
  return arrays
}

/** The same pass, written as anybody would. */
function adamwInJavaScript({ parameters: p, moments: m, squares: v, gradients: g }: Moving, update: AdamUpdate): void {
  const { learningRate, t, gradScale, beta1, beta2, epsilon, weightDecay } = update
  const correction1 = 1 - beta1 ** t
  const correction2 = 1 - beta2 ** t
  for (let i = 0; i < p.length; i++) {
    const gradient = g[i]! * gradScale
    const moment = beta1 * m[i]! + (1 - beta1) * gradient
    const square = beta2 * v[i]! + (1 - beta2) * gradient * gradient
    const step = (learningRate * (moment / correction1)) / (Math.sqrt(square / correction2) + epsilon)
    m[i] = moment
    v[i] = square
    p[i] = p[i]! - learningRate * weightDecay * p[i]! - step
  }
}
