import { readFileSync } from 'node:fs'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { BatchArrays, NamedArray } from '../index.ts'

/** A case of the reference numbers: a tiny model, a batch, and what an independent implementation computed. */
export interface OracleCase {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly batch: Required<{ readonly [K in keyof BatchArrays]: BatchArrays[K] extends number ? number : Int32Array }>
  /** `logits` [B, T, V], `loss_per_token` [B, T], `loss_mean` [1], `grad.NAME` as the weight. */
  readonly expected: ReadonlyMap<string, NamedArray>
}

const root = new URL('../../../../fixtures/oracle/', import.meta.url)
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), 'utf8'))

export function readOracleCase(name: string): OracleCase {
  const sizes = json(`${name}/config.json`) as Record<string, number> & {
    ffn_kind_per_layer: string[]
    cross_document_mask: boolean
    expert_of_token?: number[]
  }
  const rows = json(`${name}/inputs.json`) as Record<string, number[][]>
  const [size, length] = [rows['input_ids']!.length, rows['input_ids']![0]!.length]
  const flat = (key: string): Int32Array => Int32Array.from(rows[key]!.flat())
  return {
    config: {
      dim: sizes['dim']!,
      layers: sizes['n_layers']!,
      heads: sizes['n_heads']!,
      kvHeads: sizes['n_kv_heads']!,
      headDim: sizes['head_dim']!,
      ffnHidden: sizes['ffn_hidden']!,
      vocabSize: sizes['vocab_size']!,
      maxLength: 64,
      feedForwards: sizes.ffn_kind_per_layer,
      ...(sizes['n_experts'] ? { experts: sizes['n_experts'], expertOfToken: sizes.expert_of_token! } : {}),
      ropeTheta: sizes['rope_theta']!,
      normEps: sizes['norm_eps']!,
      crossDocumentMask: sizes.cross_document_mask,
    },
    weights: readSafetensors(`${name}/weights.safetensors`),
    batch: {
      size,
      length,
      inputIds: flat('input_ids'),
      targets: flat('targets'),
      positionIds: flat('position_ids'),
      documentIds: flat('document_ids'),
      lossMask: flat('loss_mask'),
    },
    expected: readSafetensors(`${name}/expected.safetensors`),
  }
}

/** Float32 only, and trusting: the fixtures are ours. */
function readSafetensors(path: string): Map<string, NamedArray> {
  const bytes = readFileSync(new URL(path, root))
  const end = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, end)) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const data = new Float32Array((to - from) / 4)
        new Uint8Array(data.buffer).set(bytes.subarray(end + from, end + to))
        return [name, { shape, data }]
      },
    ),
  )
}
