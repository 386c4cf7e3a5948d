/** The two halves of docs/coming-from-pytorch.md compute the same. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { pcg32, type Batch } from '@stemkit/data'
import { initializeWeights } from '@stemkit/model'
import { createRowPlan } from '@stemkit/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compileGradients, config, trainerOf } from './from-pytorch/stem.ts'

const RATES = [0.003, 0.003, 0.002, 0.001]
const [size, length] = [4, 32]
const N = size * length

const engine = compiledEngine(nodeRuntime())
const weights = initializeWeights(config, { seed: 7 })
const random = pcg32(1, 1)
const batches = RATES.map((): Batch => {
  const stream = Int32Array.from({ length: N + 1 }, () => random() % config.vocabSize)
  return {
    size,
    length,
    inputIds: stream.slice(0, N),
    targets: stream.slice(1),
    lossMask: new Float32Array(N).fill(1),
    documentIds: new Int32Array(N),
    positionIds: Int32Array.from({ length: N }, (_, i) => i % length),
  }
})

let ours: { loss: number; gradNorm: number }[]
beforeAll(async () => {
  const trainer = await trainerOf(engine, weights)
  ours = []
  for (const [i, rate] of RATES.entries()) ours.push(await trainer.step([batches[i]!], rate))
  await trainer.dispose()
}, 60_000)

test('the decoder written in tensor operations is the one that the trainer trains', async () => {
  const { inputIds: ids, targets, positionIds: positions } = batches[0]!
  const plan = createRowPlan(ids, { rows: config.vocabSize })
  const shapes = Object.fromEntries(Array.from(weights, ([name, { shape }]) => [name, shape]))
  const program = await compileGradients(engine, shapes)
  const feeds = Object.fromEntries(
    Array.from(
      weights,
      ([
        name,
        {
          data,
          shape: [, width],
        },
      ]) => {
        if (!name.endsWith('stem_table.weight')) return [name, data]
        const rows = Array.from(plan.unique, (id) => data.subarray(id * width!, (id + 1) * width!))
        return [name, Float32Array.from(rows.flatMap((row) => [...row]))]
      },
    ),
  )
  const out = await program.run({ ids, rowOf: plan.inverse, positions, targets, ...feeds })
  const gradients = Object.entries(out).filter(([name]) => name.startsWith('grad.'))
  const squares = gradients.map(([, values]) => Array.from(values).reduce((sum, x) => sum + x * x, 0))
  expect(out['loss']![0]).toBeCloseTo(ours[0]!.loss, 5)
  expect(Math.sqrt(squares.reduce((a, b) => a + b))).toBeCloseTo(ours[0]!.gradNorm, 5)
  await program.dispose()
})

const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import torch']).status === 0)

describe.skipIf(python === undefined)('PyTorch (a python3 that can import torch)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stemkit-pytorch-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('takes the same weights by the same names, and the same steps', { timeout: 120_000 }, () => {
    const shapes = Array.from(weights, ([name, { shape, data }]) => {
      writeFileSync(join(folder, name), data)
      return [name, shape] as const
    })
    const plain = batches.map(({ inputIds, targets }, i) => ({
      ids: Array.from(inputIds),
      targets: Array.from(targets),
      lr: RATES[i],
    }))
    writeFileSync(join(folder, 'shapes.json'), JSON.stringify(Object.fromEntries(shapes)))
    writeFileSync(join(folder, 'batches.json'), JSON.stringify(plain))
    const script = fileURLToPath(new URL('from-pytorch/stem.py', import.meta.url))
    const { stdout, stderr } = spawnSync(python!, [script, folder], { encoding: 'utf8' })
    expect(stdout, stderr).not.toBe('')
    const theirs = JSON.parse(stdout) as [loss: number, norm: number][]
    expect(theirs.length).toBe(RATES.length)
    theirs.forEach(([loss, norm], i) => {
      expect(Math.abs(loss - ours[i]!.loss)).toBeLessThan(1e-5)
      expect(Math.abs(norm / ours[i]!.gradNorm - 1)).toBeLessThan(1e-4)
    })
    expect(theirs.at(-1)![0]).not.toBeCloseTo(theirs[0]![0], 2)
  })
})
