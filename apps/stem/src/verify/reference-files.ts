import { readFile } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import type { NamedArray } from '@stemkit/train'
import { parseSafetensors, toFloat32 } from '@stemkit/weights'
import { z } from 'zod'

const ids = z.array(z.array(z.int()).min(1)).min(1)

const batch = z.object({
  input_ids: ids,
  targets: ids,
  loss_mask: ids,
  document_ids: ids,
  position_ids: ids,
})

export type BatchJson = z.output<typeof batch>

/** `inputs.json` of a case that is trained. */
export const inputsFile = batch.extend({ train_batches: z.array(batch) })

const prompt = z.array(z.int()).min(1)

/** `inputs.json` of a case of knowledge editing. */
export const editingFile = z.object({
  pad_id: z.int(),
  swap: z.object({
    token_a: z.int(),
    token_b: z.int(),
    input_ids: prompt,
    equivalent_table_ids: prompt,
    expected: z.object({ before: z.string(), after: z.string(), overwrite_a_with_b: z.string() }),
  }),
  edits: z.array(
    z.object({
      name: z.string(),
      source_tokens: prompt,
      target_tokens: prompt,
      source_start: z.int(),
      input_ids: prompt,
      table_ids: prompt,
      mean_positions: z.array(z.int()).optional(),
      expected: z.string(),
    }),
  ),
})

export type EditingJson = z.output<typeof editingFile>

/** `expected.json`: what is not in `expected.safetensors`. */
export const expectedFile = z.object({ loss_mean: z.number() })

const curve = z.object({
  loss: z.array(z.number()),
  grad_norm: z.array(z.number()),
  table_grad_norm: z.array(z.number()).nullish(),
  final_eval_loss: z.number(),
  final_weights: z.record(z.string(), z.object({ sum: z.number(), l2: z.number() })),
})

/** `train.json` */
export const trainFile = z.object({
  hyper: z.object({
    steps: z.int().positive(),
    peak_lr: z.number(),
    warmup_steps: z.int().nonnegative(),
    min_lr_ratio: z.number(),
    beta1: z.number(),
    beta2: z.number(),
    eps: z.number(),
    weight_decay: z.number(),
    clip_norm: z.number(),
    clip_epsilon: z.number(),
  }),
  modes: z.partialRecord(z.enum(['dense', 'lazy', 'official']), curve),
})

/** @throws StemkitError 'not-found' or 'corrupt', with the path */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readBytes(path)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new StemkitError('corrupt', `${path} is no JSON (${(error as Error).message})`)
  }
}

/** @throws StemkitError 'corrupt', naming the first key that is missing or wrong */
export function checkJson<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const { path: key, message } = result.error.issues[0]!
  throw new StemkitError('corrupt', `${path}: ${key.join('.') || 'contents'}: ${message}`)
}

/** Every tensor of a safetensors file as float32. */
export async function readTensors(path: string): Promise<Map<string, NamedArray>> {
  const bytes = await readBytes(path)
  try {
    const { tensors } = parseSafetensors(bytes)
    return new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }]))
  } catch (error) {
    throw StemkitError.isInstance(error) ? new StemkitError(error.code, `${path}: ${error.message}`) : error
  }
}

async function readBytes(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new StemkitError('not-found', error.code === 'ENOENT' ? `${path} is missing` : error.message)
  })
}
