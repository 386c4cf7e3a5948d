import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initializeWeights } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { fromFloat32, type Tensor } from '@stemkit/weights'
import { saveSafetensors } from '@stemkit/weights/node'
import type { Peer } from './process-peer.ts'
import { describeMachine, type BenchmarkOptions, type Report, type Result, type Target } from './report.ts'
import { startStemkitPeer } from './stemkit-peer.ts'
import { interleave, medianRatio, type Timing } from './timing.ts'
import { startTorchPeer, type TorchSetup } from './torch-peer.ts'
import { SHAPES, stepFlops, zipfBatches } from './train-shape.ts'
import { writeTask } from './training-task.ts'

type Kind = keyof typeof SHAPES
const KINDS = Object.keys(SHAPES) as Kind[]
const SEED = 5
const BATCHES = 4

/**
 * One training step (forward, backward, clipping, both optimisers), STEM and dense, by stemkit and by PyTorch eager on the
 * same cores, from the same weights over the same batches; each in a process of its own, paused while another is timed.
 */
export async function run({ progress, quick = false, signal }: BenchmarkOptions): Promise<Report> {
  await using opened = new AsyncDisposableStack()
  const tasks = await writeTasks(opened, progress)
  const open = async (name: string, peer: Promise<Peer>): Promise<Peer> => {
    const started = opened.adopt(await peer, (each) => each.dispose())
    progress(`${name} is ready: ${JSON.stringify(started.description)}`)
    return started
  }
  const cancel = signal ? { signal } : {}
  const missing: Record<string, string> = {}
  const torch = async (task: string, setup: TorchSetup): Promise<Peer | undefined> => {
    try {
      return await open(`torch, ${setup}`, startTorchPeer({ task, setup, ...cancel }))
    } catch (error) {
      if (!StemkitError.isInstance(error) || error.code !== 'unsupported') throw error
      progress((missing[`torch, ${setup}`] = error.message))
      return undefined
    }
  }

  const ours = { stem: await open('stemkit', startStemkitPeer({ task: tasks.stem, ...cancel })) } as Record<Kind, Peer>
  ours.dense = await open('stemkit, dense', startStemkitPeer({ task: tasks.dense, ...cancel }))
  const theirs = { stem: await torch(tasks.stem, 'tuned'), dense: await torch(tasks.dense, 'tuned') }
  const asInstalled = await torch(tasks.stem, 'default')

  // The first step of each compiles, or finds its memory; and it shows that both sides compute the same.
  const first = await ours.stem.step()
  const theirFirst = await theirs.stem?.step()
  if (theirFirst) checkSameLoss(first.loss, theirFirst.loss)

  const product = { ...ours.stem, run: async () => 1000 / (await ours.stem.gflops()) }
  const sides = {
    stem: ours.stem,
    dense: ours.dense,
    product,
    torch: theirs.stem,
    torchDense: theirs.dense,
    asInstalled,
  }
  const times: Partial<Record<keyof typeof sides, Timing>> = await interleave(present(sides), {
    // Every batch once before the rounds that count: the first touch of a row's moments takes memory from the system.
    warmUp: BATCHES,
    ...(quick ? { rounds: 2 } : {}),
    progress,
    ...cancel,
  })
  const stemPeak = await ours.stem.memory()
  const torchPeak = await theirs.stem?.memory()
  const densePeak = await ours.dense.memory()
  const torchDensePeak = await theirs.dense?.memory()
  const { bytesCopied } = await ours.stem.step()

  const ratio = (a: Timing | undefined, b: Timing | undefined): number | null => (a && b ? medianRatio(a, b) : null)
  const result = (metric: string, value: number | null | undefined, unit: string, target: Target = null): Result => ({
    metric,
    value: value ?? null,
    unit,
    target,
  })
  const perMillisecond = stepFlops(SHAPES.stem) / 1e6
  const results = [
    result('step_vs_torch', ratio(times.torch, times.stem), 'times as fast', '>= 1.2'),
    result('step_vs_torch_default', ratio(times.asInstalled, times.stem), 'times as fast'),
    result('dense_step_vs_torch', ratio(times.torchDense, times.dense), 'times as fast'),
    result(
      'share_of_matmul',
      (perMillisecond * ratio(times.product, times.stem)!) / 1000,
      'ratio of FLOP/s',
      '>= 0.95',
    ),
    result('stem_over_dense', ratio(times.stem, times.dense), 'ratio of time', '<= 0.88'),
    result('peak_memory_vs_torch', stemPeak && torchPeak && stemPeak / torchPeak, 'ratio of bytes', '<= 0.75'),
    result('dense_peak_memory_vs_torch', densePeak && torchDensePeak && densePeak / torchDensePeak, 'ratio of bytes'),
    result('compile_seconds', first.compileSeconds, 's', '<= 1'),
    result('bytes_copied_per_step', bytesCopied, 'bytes'),
    result('stem_step', times.stem?.median, 'ms'),
    result('dense_step', times.dense?.median, 'ms'),
    result('torch_stem_step', times.torch?.median, 'ms'),
    result('torch_dense_step', times.torchDense?.median, 'ms'),
    result('torch_default_stem_step', times.asInstalled?.median, 'ms'),
    result('matmul', times.product && 1000 / times.product.median, 'GFLOP/s'),
    result('peak_memory', stemPeak, 'bytes'),
    result('torch_peak_memory', torchPeak, 'bytes'),
  ]
  const described = { stemkit: ours.stem, 'torch, tuned': theirs.stem, 'torch, default': asInstalled }
  const peers = {
    ...Object.fromEntries(Object.entries(present(described)).map(([name, { description }]) => [name, description])),
    ...missing,
  }
  return { benchmark: 'train', machine: describeMachine(peers), results }
}

/** The same weights and batches for all, as files; the path of each kind's task. */
async function writeTasks(
  opened: AsyncDisposableStack,
  progress: (line: string) => void,
): Promise<Record<Kind, string>> {
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), 'stemkit-bench-')), (path) => rm(path, { recursive: true }))
  const batches = zipfBatches(BATCHES, SEED)
  const paths: Partial<Record<Kind, string>> = {}
  for (const kind of KINDS) {
    progress(`writing the weights of the ${kind} model`)
    const weights = join(folder, `${kind}.safetensors`)
    const tensors = new Map<string, Tensor>()
    for (const [name, { shape, data }] of initializeWeights(SHAPES[kind], { seed: SEED }))
      tensors.set(name, fromFloat32(data, shape))
    await saveSafetensors(weights, tensors)
    const task = { config: SHAPES[kind], batches, weights, learningRate: 3e-4 }
    paths[kind] = opened.adopt(await writeTask(task), (file) => file.dispose()).path
  }
  return paths as Record<Kind, string>
}

function checkSameLoss(ours: number, theirs: number): void {
  if (Math.abs(ours - theirs) < 1e-4) return
  throw new StemkitError('corrupt', `the two sides do not compute the same: a first loss of ${ours} against ${theirs}`)
}

/** The entries that are there. */
function present<T extends object>(entries: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never
}
