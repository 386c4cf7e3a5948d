import { basename, join } from 'node:path'
import type { Batch } from '@stemkit/data'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { NamedArray, Treatment } from '@stemkit/train'
import { parseModelConfig } from '@stemkit/weights'
import {
  checkJson,
  editingFile,
  expectedFile,
  inputsFile,
  readJson,
  readTensors,
  trainFile,
  type BatchJson,
  type EditingJson,
} from './reference-files.ts'

/** One folder of reference numbers, as fixtures/oracle/README.md describes it. */
export interface ReferenceCase {
  readonly name: string
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly batch: Batch
  readonly trainBatches: readonly Batch[]
  /** `logits`, `loss_per_token`, `grad.<weight>`. */
  readonly expected: ReadonlyMap<string, NamedArray>
  readonly lossMean: number
  readonly hyper: Hyper
  readonly curves: ReadonlyMap<Treatment, Curve>
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

/** What the training steps in one mode must give. */
export interface Curve {
  readonly loss: readonly number[]
  readonly gradNorm: readonly number[]
  /** Where tables are clipped by themselves, and there are any. */
  readonly tableGradNorm: readonly number[] | undefined
  readonly finalEvalLoss: number
  readonly finalWeights: Readonly<Record<string, { readonly sum: number; readonly l2: number }>>
}

/** A case of knowledge editing: prompts, and what other rows make of them. */
export interface EditingCase extends Pick<ReferenceCase, 'name' | 'config' | 'weights'> {
  readonly editing: EditingJson
  /** Logits [T, V] by name. */
  readonly expected: ReadonlyMap<string, NamedArray>
}

/**
 * Reads a case, of training or of knowledge editing.
 * @throws StemkitError naming the file that is missing, unreadable or incomplete
 */
export async function readReferenceCase(folder: string): Promise<ReferenceCase | EditingCase> {
  const inputsJson = await readJson(join(folder, 'inputs.json'))
  const isEditing = typeof inputsJson === 'object' && inputsJson !== null && 'edits' in inputsJson
  if (isEditing) {
    return {
      name: basename(folder),
      editing: checkJson(editingFile, inputsJson, join(folder, 'inputs.json')),
      config: parseModelConfig(await readJson(join(folder, 'config.json'))),
      weights: await readTensors(join(folder, 'weights.safetensors')),
      expected: await readTensors(join(folder, 'expected.safetensors')),
    }
  }
  const inputs = checkJson(inputsFile, inputsJson, join(folder, 'inputs.json'))
  const trainPath = join(folder, 'train.json')
  const { hyper, modes } = checkJson(trainFile, await readJson(trainPath), trainPath)
  if (inputs.train_batches.length < hyper.steps) {
    throw new StemkitError(
      'corrupt',
      `${folder}: ${hyper.steps} steps, but ${inputs.train_batches.length} train_batches`,
    )
  }
  const expectedPath = join(folder, 'expected.json')
  const config = parseModelConfig(await readJson(join(folder, 'config.json')))
  const hasTables = config.feedForwards.includes('stem')
  return {
    name: basename(folder),
    config,
    weights: await readTensors(join(folder, 'weights.safetensors')),
    expected: await readTensors(join(folder, 'expected.safetensors')),
    batch: batchOf(inputs),
    trainBatches: inputs.train_batches.map(batchOf),
    lossMean: checkJson(expectedFile, await readJson(expectedPath), expectedPath).loss_mean,
    hyper: {
      steps: hyper.steps,
      peakLearningRate: hyper.peak_lr,
      warmup: hyper.warmup_steps,
      floor: hyper.min_lr_ratio,
      betas: [hyper.beta1, hyper.beta2],
      eps: hyper.eps,
      weightDecay: hyper.weight_decay,
      clipNorm: hyper.clip_norm,
      clipEpsilon: hyper.clip_epsilon,
    },
    curves: new Map(
      Object.entries(modes).map(([mode, curve]): [Treatment, Curve] => [
        mode as Treatment,
        {
          loss: curve.loss,
          gradNorm: curve.grad_norm,
          // Without tables there is nothing to compare, whatever the list holds.
          tableGradNorm: (hasTables && curve.table_grad_norm) || undefined,
          finalEvalLoss: curve.final_eval_loss,
          finalWeights: curve.final_weights,
        },
      ]),
    ),
  }
}

const batchOf = (json: BatchJson): Batch => ({
  size: json.input_ids.length,
  length: json.input_ids[0]!.length,
  inputIds: Int32Array.from(json.input_ids.flat()),
  targets: Int32Array.from(json.targets.flat()),
  lossMask: Float32Array.from(json.loss_mask.flat()),
  documentIds: Int32Array.from(json.document_ids.flat()),
  positionIds: Int32Array.from(json.position_ids.flat()),
})
