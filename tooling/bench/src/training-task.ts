import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Batch } from '@stemkit/data'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'

/** What all peers are given, so that all do the same. */
export interface TrainingTask {
  readonly config: ModelConfig
  /** Taken in turn, over and over. Each sequence is one document. */
  readonly batches: readonly Batch[]
  /** A safetensors file with all weights under the names of `listWeights`. Default: new ones of seed 0. */
  readonly weights?: string
  readonly learningRate: number
  /** Tables elsewhere than in memory; stemkit alone knows this. */
  readonly store?: StoreTask
  /** Whether all rows of tables in memory are touched before the first step, as they are after many steps. */
  readonly touched?: boolean
}

/** Where tables are, and how much memory their rows may take. */
export interface StoreTask {
  readonly url: string
  readonly budget: number
}

/** The file that a peer reads. */
export interface TaskFile {
  readonly config: ModelConfig
  /** B and T. */
  readonly size: number
  readonly length: number
  /** A file of int32 [batches, 2, B, T], little-endian: input ids and targets, -100 where the loss mask is 0. */
  readonly batches: string
  readonly weights?: string
  readonly learningRate: number
  readonly store?: StoreTask
  readonly touched?: boolean
}

/** Writes the files of a task; `path` names its JSON file. */
export async function writeTask(task: TrainingTask): Promise<{ path: string; dispose(): Promise<void> }> {
  const [first] = task.batches
  if (!first || task.batches.some(({ size, length }) => size !== first.size || length !== first.length)) {
    throw new StemkitError('bad-input', 'training task: it needs one or more batches, all of one shape')
  }
  const folder = await mkdtemp(join(tmpdir(), 'stemkit-bench-'))
  const positions = first.size * first.length
  const ids = new Int32Array(task.batches.length * 2 * positions)
  for (const [index, { inputIds, targets, lossMask }] of task.batches.entries()) {
    ids.set(inputIds, 2 * index * positions)
    ids.set(
      targets.map((target, i) => (lossMask[i] ? target : -100)),
      (2 * index + 1) * positions,
    )
  }
  const batches = join(folder, 'batches.bin')
  const file: TaskFile = { ...task, batches, size: first.size, length: first.length }
  const path = join(folder, 'task.json')
  await writeFile(batches, ids)
  await writeFile(path, JSON.stringify(file))
  return { path, dispose: () => rm(folder, { recursive: true, force: true }) }
}
