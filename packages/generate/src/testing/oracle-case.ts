import { readFileSync } from 'node:fs'
import type { ModelConfig, NamedArray } from '@stemkit/model'
import { parseModelConfig, parseSafetensors, toFloat32 } from '@stemkit/weights'

/** A tiny model, a batch of sequences, and the logits that an independent implementation computed for them. */
export interface OracleCase {
  readonly config: ModelConfig
  readonly weights: Map<string, NamedArray>
  readonly sequences: readonly number[][]
  /** Of each sequence [T, V]. */
  readonly logits: readonly Float32Array[]
}

const root = new URL('../../../../fixtures/oracle/', import.meta.url)
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), 'utf8'))

function tensors(path: string): Map<string, NamedArray> {
  const file = parseSafetensors(readFileSync(new URL(path, root)))
  return new Map([...file.tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }]))
}

export function readOracleCase(name: string): OracleCase {
  const { input_ids: sequences } = json(`${name}/inputs.json`) as { input_ids: number[][] }
  const all = tensors(`${name}/expected.safetensors`).get('logits')!.data
  const each = all.length / sequences.length
  return {
    // The cases do not say how long a sequence may be. Theirs have at most 32 tokens.
    config: { ...parseModelConfig(json(`${name}/config.json`)), maxLength: 40 },
    weights: tensors(`${name}/weights.safetensors`),
    sequences,
    logits: sequences.map((_, i) => all.subarray(i * each, (i + 1) * each)),
  }
}
