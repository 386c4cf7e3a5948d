import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Batch } from '@stemkit/data'
import { createModelConfig, type FeedForwardKind } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { afterAll, describe, expect, test } from 'vitest'
import type { Peer } from './process-peer.ts'
import { startStemkitPeer } from './stemkit-peer.ts'
import { startTorchPeer } from './torch-peer.ts'
import { writeTask, type TrainingTask } from './training-task.ts'

const oracle = (path: string): string => fileURLToPath(new URL(`../../../fixtures/oracle/${path}`, import.meta.url))
const readJson = <T>(path: string): T => JSON.parse(readFileSync(oracle(path), 'utf8')) as T

type Rows = readonly (readonly number[])[]
type RecordedBatch = Record<'input_ids' | 'targets' | 'loss_mask' | 'document_ids' | 'position_ids', Rows>
interface Curve {
  readonly loss: readonly number[]
  readonly grad_norm: readonly number[]
  readonly lr: readonly number[]
}

/** The batches, weights and shape of a reference case. */
function taskOf(name: string): TrainingTask {
  const recorded = readJson<Record<string, number> & { ffn_kind_per_layer: FeedForwardKind[] }>(`${name}/config.json`)
  const config = createModelConfig({
    dim: recorded['dim']!,
    layers: recorded['n_layers']!,
    heads: recorded['n_heads']!,
    kvHeads: recorded['n_kv_heads']!,
    ffnHidden: recorded['ffn_hidden']!,
    vocabSize: recorded['vocab_size']!,
    ropeTheta: recorded['rope_theta']!,
    normEps: recorded['norm_eps']!,
    feedForwards: recorded.ffn_kind_per_layer,
  })
  const { train_batches } = readJson<{ train_batches: RecordedBatch[] }>(`${name}/inputs.json`)
  const batches = train_batches.map((batch): Batch => ({
    size: batch.input_ids.length,
    length: batch.input_ids[0]!.length,
    inputIds: Int32Array.from(batch.input_ids.flat()),
    targets: Int32Array.from(batch.targets.flat()),
    lossMask: Float32Array.from(batch.loss_mask.flat()),
    documentIds: Int32Array.from(batch.document_ids.flat()),
    positionIds: Int32Array.from(batch.position_ids.flat()),
  }))
  return { config, batches, weights: oracle(`${name}/weights.safetensors`), learningRate: 1e-3 }
}

const opened: { dispose(): Promise<void> }[] = []
afterAll(async () => {
  for (const each of opened.toReversed()) await each.dispose()
})

async function taskFile(task: TrainingTask): Promise<string> {
  const file = await writeTask(task)
  opened.push(file)
  return file.path
}

/** undefined where PyTorch is not installed. */
async function start(peer: Promise<Peer>): Promise<Peer | undefined> {
  try {
    opened.push(await peer)
    return await peer
  } catch (error) {
    if (StemkitError.isInstance(error) && error.code === 'unsupported') return undefined
    throw error
  }
}

const STARTERS = {
  PyTorch: (task: string) => startTorchPeer({ task, setup: 'default' }),
  stemkit: (task: string) => startStemkitPeer({ task }),
}

describe.each([
  { name: 'stem-third', mode: 'lazy', side: 'PyTorch' },
  { name: 'gqa-stem', mode: 'lazy', side: 'PyTorch' },
  { name: 'gqa-stem', mode: 'lazy', side: 'stemkit' },
] as const)('the $side side on $name', ({ name, mode, side }) => {
  test('trains as the reference does, 30 steps long', async ({ skip }) => {
    const peer = await start(STARTERS[side](await taskFile(taskOf(name))))
    if (!peer) return skip('python3-torch is not installed')
    const { loss, grad_norm, lr } = readJson<{ modes: Record<string, Curve> }>(`${name}/train.json`).modes[mode]!
    for (const [index, rate] of lr.entries()) {
      const step = await peer.step(rate)
      expect(Math.abs(step.loss - loss[index]!), `loss of step ${index}`).toBeLessThan(1e-4)
      expect(Math.abs(step.gradNorm / grad_norm[index]! - 1), `gradient norm of step ${index}`).toBeLessThan(1e-4)
    }
  })
})

test('a well set-up peer can be paused, measured and disposed of while paused', async ({ skip }) => {
  const peer = await start(startTorchPeer({ task: await taskFile(taskOf('stem-full')), setup: 'tuned' }))
  if (!peer) return skip('python3-torch or libopenblas0-openmp is not installed')
  expect(peer.description['threads']).toBe(availableParallelism())
  expect(String(peer.description['blas'])).toContain('openmp')
  expect(await peer.memory()).toBeGreaterThan(10_000_000)
  expect(await peer.gflops()).toBeGreaterThan(1)

  peer.pause()
  const answer = peer.step()
  const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, 'nothing'))])
  expect(first).toBe('nothing')
  peer.resume()
  expect((await answer).milliseconds).toBeGreaterThan(0)

  peer.pause()
  await peer.dispose()
  await expect(peer.step()).rejects.toThrow(/ended/)
})

test('weights that are not the model of the config are refused in the words of the peer', async ({ skip }) => {
  const task = await taskFile({ ...taskOf('dense'), weights: oracle('gqa-stem/weights.safetensors') })
  const refusal = await start(startTorchPeer({ task, setup: 'default' })).catch(String)
  if (refusal === undefined) return skip('python3-torch is not installed')
  expect(refusal).toMatch(/should be there as \[97, 32\]/)
})

test('a cancelled peer ends with the reason', async ({ skip }) => {
  const controller = new AbortController()
  const { signal } = controller
  const peer = await start(startTorchPeer({ task: await taskFile(taskOf('dense')), setup: 'default', signal }))
  if (!peer) return skip('python3-torch is not installed')
  controller.abort(new Error('enough'))
  await expect(peer.step()).rejects.toThrow('enough')
})

test('a task without batches is refused', async () => {
  await expect(writeTask({ ...taskOf('dense'), batches: [] })).rejects.toThrow(/one or more batches/)
})
