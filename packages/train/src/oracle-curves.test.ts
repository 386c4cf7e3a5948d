import { readFileSync } from 'node:fs'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { Batch } from '@stemkit/data'
import { parseModelConfig, parseSafetensors, toFloat32 } from '@stemkit/weights'
import { describe, expect, test } from 'vitest'
import { createTrainer } from './create-trainer.ts'
import { spawnWorker } from './node.ts'
import { warmupCosine } from './schedule.ts'

// Recorded from PyTorch in 64 bits: fixtures/oracle/README.md says how, and what the modes are.
const oracle = new URL('../../../fixtures/oracle/', import.meta.url)
const STEPS = 30
const engine = compiledEngine(nodeRuntime(), { threads: 1 })

interface Curve {
  readonly loss: readonly number[]
  readonly grad_norm: readonly number[]
  readonly table_grad_norm?: readonly number[]
  readonly final_eval_loss: number
}
type Rows = readonly (readonly number[])[]
type BatchJson = Record<'input_ids' | 'targets' | 'loss_mask' | 'document_ids' | 'position_ids', Rows>

const batchOf = (json: BatchJson): Batch => ({
  size: json.input_ids.length,
  length: json.input_ids[0]!.length,
  inputIds: Int32Array.from(json.input_ids.flat()),
  targets: Int32Array.from(json.targets.flat()),
  lossMask: Float32Array.from(json.loss_mask.flat()),
  documentIds: Int32Array.from(json.document_ids.flat()),
  positionIds: Int32Array.from(json.position_ids.flat()),
})

function readCase(name: string) {
  const folder = new URL(`${name}/`, oracle)
  const json = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  const { tensors } = parseSafetensors(readFileSync(new URL('weights.safetensors', folder)))
  const inputs = json('inputs.json') as BatchJson & { train_batches: BatchJson[] }
  return {
    config: parseModelConfig(json('config.json')),
    weights: new Map([...tensors].map(([key, tensor]) => [key, { shape: tensor.shape, data: toFloat32(tensor) }])),
    batch: batchOf(inputs),
    trainBatches: inputs.train_batches.map(batchOf),
    modes: (json('train.json') as { modes: Record<string, Curve> }).modes,
  }
}

/** 2e-5 of the losses, 1e-4 of the norms relative to their size. */
const expectClose = (found: readonly number[], wanted: readonly number[], of: (value: number) => number): void => {
  expect(found.length).toBe(wanted.length)
  found.forEach((value, i) => expect(Math.abs(value - wanted[i]!), `step ${i}`).toBeLessThan(of(wanted[i]!)))
}

describe.each([
  ['dense', ['dense', 'official']],
  ['stem-half', ['dense', 'lazy', 'official']],
] as const)('training of the reference case %s', (name, treatments) => {
  const { config, weights, batch, trainBatches, modes } = readCase(name)

  test.each(treatments)('%s', async (treatment) => {
    const wanted = modes[treatment]!
    const { size, length } = batch
    const trainer = await createTrainer({ config, weights, batch: { size, length }, engine, treatment, spawnWorker })
    const schedule = warmupCosine({ peak: 3e-3, warmup: 3, steps: STEPS, floor: 0.1 })
    const taken = []
    for (const [index, each] of trainBatches.entries()) taken.push(await trainer.step([each], schedule(index)))
    expectClose(
      taken.map(({ loss }) => loss),
      wanted.loss,
      () => 2e-5,
    )
    expectClose(
      taken.map(({ gradNorm }) => gradNorm),
      wanted.grad_norm,
      (norm) => 1e-4 * norm,
    )
    if (treatment === 'official' && name !== 'dense') {
      expectClose(
        taken.map(({ tableGradNorm }) => tableGradNorm!),
        wanted.table_grad_norm!,
        (norm) => 1e-4 * norm,
      )
    }
    expect(Math.abs((await trainer.evaluate(batch)).loss - wanted.final_eval_loss)).toBeLessThan(2e-5)
    await trainer.dispose()
  })
})
