import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Batch } from '@stemkit/data'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { NamedArray } from '@stemkit/train'
import { parseModelConfig, parseSafetensors, toFloat32 } from '@stemkit/weights'

/** One folder of reference numbers, as fixtures/oracle/README.md describes it. */
export interface ReferenceCase {
  readonly name: string
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly batch: Batch
  readonly trainBatches: readonly Batch[]
  /** `logits`, `loss_per_token`, `loss_mean`, `grad.<weight>`. */
  readonly expected: ReadonlyMap<string, NamedArray>
  readonly lossMean: number
  readonly hyper: Hyper
  readonly curves: Readonly<Record<string, Curve>>
}

export interface Hyper {
  readonly steps: number
  readonly peakLearningRate: number
  readonly warmup: number
  readonly floor: number
  readonly betas: readonly [number, number]
  readonly eps: number
  readonly weightDecay: number
  readonly clipNorm: number
  readonly clipEpsilon: number
}

/** What 30 training steps in one mode must give. */
export interface Curve {
  readonly loss: readonly number[]
  readonly gradNorm: readonly number[]
  readonly tableGradNorm?: readonly number[]
  readonly finalEvalLoss: number
  readonly finalWeights: Readonly<Record<string, { readonly sum: number; readonly l2: number }>>
}

type Json = Record<string, unknown>

/** Reads a case; undefined for a kind of case that has no training (knowledge editing). */
export async function readReferenceCase(folder: string): Promise<ReferenceCase | undefined> {
  const inputs = await readJson(folder, 'inputs.json')
  if (!('input_ids' in inputs)) return undefined
  const configText = await readFile(join(folder, 'config.json'), 'utf8')
  const training = await readJson(folder, 'train.json')
  const expectedJson = await readJson(folder, 'expected.json')
  const hyper = training['hyper'] as Record<string, number>
  return {
    name: basename(folder),
    config: parseModelConfig(JSON.parse(configText)),
    weights: await readTensors(join(folder, 'weights.safetensors')),
    expected: await readTensors(join(folder, 'expected.safetensors')),
    batch: batchOf(inputs),
    trainBatches: (inputs['train_batches'] as Json[]).map(batchOf),
    lossMean: expectedJson['loss_mean'] as number,
    hyper: {
      steps: hyper['steps']!,
      peakLearningRate: hyper['peak_lr']!,
      warmup: hyper['warmup_steps']!,
      floor: hyper['min_lr_ratio']!,
      betas: [hyper['beta1']!, hyper['beta2']!],
      eps: hyper['eps']!,
      weightDecay: hyper['weight_decay']!,
      clipNorm: hyper['clip_norm']!,
      clipEpsilon: hyper['clip_epsilon']!,
    },
    curves: Object.fromEntries(
      Object.entries(training['modes'] as Record<string, Json>).map(([mode, curve]) => [mode, curveOf(curve)]),
    ),
  }
}

function curveOf(json: Json): Curve {
  return {
    loss: json['loss'] as number[],
    gradNorm: json['grad_norm'] as number[],
    ...(json['table_grad_norm'] ? { tableGradNorm: json['table_grad_norm'] as number[] } : {}),
    finalEvalLoss: json['final_eval_loss'] as number,
    finalWeights: json['final_weights'] as Curve['finalWeights'],
  }
}

function batchOf(json: Json): Batch {
  const rows = json['input_ids'] as number[][]
  const flat = (key: string): number[] => (json[key] as number[][]).flat()
  return {
    size: rows.length,
    length: rows[0]!.length,
    inputIds: Int32Array.from(flat('input_ids')),
    targets: Int32Array.from(flat('targets')),
    lossMask: Float32Array.from(flat('loss_mask')),
    documentIds: Int32Array.from(flat('document_ids')),
    positionIds: Int32Array.from(flat('position_ids')),
  }
}

async function readTensors(file: string): Promise<Map<string, NamedArray>> {
  const { tensors } = parseSafetensors(await readFile(file))
  return new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }]))
}

async function readJson(folder: string, file: string): Promise<Json> {
  const path = join(folder, file)
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new StemkitError('not-found', `verify: ${path} cannot be read (${error.message})`)
  })
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new StemkitError('corrupt', `verify: ${path} is no JSON (${(error as Error).message})`)
  }
}
