import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ModelConfig, NamedArray } from '@stemkit/model'
import { parseModelConfig, parseSafetensors, toFloat32 } from '@stemkit/weights'

/** A case of fixtures/oracle: numbers recorded from PyTorch. */
export function oracleCase(name: string): {
  readonly config: ModelConfig
  readonly weights: Map<string, NamedArray>
  readonly inputIds: readonly (readonly number[])[]
  /** [B, T, V]. */
  readonly logits: Float32Array
} {
  const read = (file: string): Buffer =>
    readFileSync(fileURLToPath(new URL(`../../../../fixtures/oracle/${name}/${file}`, import.meta.url)))
  const json = (file: string): unknown => JSON.parse(read(file).toString())
  const { tensors } = parseSafetensors(read('weights.safetensors'))
  const { tensors: expected } = parseSafetensors(read('expected.safetensors'))
  return {
    config: parseModelConfig(json('config.json')),
    weights: new Map([...tensors].map(([key, tensor]) => [key, { shape: tensor.shape, data: toFloat32(tensor) }])),
    inputIds: (json('inputs.json') as { input_ids: number[][] }).input_ids,
    logits: toFloat32(expected.get('logits')!),
  }
}
