import { listWeights, type ModelConfig } from '@stemkit/model'
import type { Result, Target } from '../report.ts'
import { medianRatio } from '../timing.ts'
import { tokensOf, type DecodeWork } from './decode-side.ts'
import type { PackedPerplexity, PackingName } from './perplexity.ts'
import type { Measured, MeasuredSection, SideName } from './measure.ts'

const STEM_OVER_DENSE = { decode_b1_q4: 'stem_vs_dense_b1_q4', decode_b16_q4: 'stem_vs_dense_b16_q4' }

/** The forms that are timed; that of 4 bits is what `stem convert --quantize q4 --calibrate` makes. */
const TIMED = { q4: 'q4_block128_fitted_kv_int8', q8: 'q8_block128_kv_int8' } as const satisfies Record<
  string,
  PackingName
>

export interface Beside {
  /** Bytes a second that memory gives when it is only read; undefined if it was not measured. */
  readonly bandwidth: number | undefined
  /** Of a trained model, packed and not; undefined if it was not measured. */
  readonly perplexity: PackedPerplexity | undefined
}

/** What the benchmark reports: ratios of speed first, then tokens a second of each side. */
export function decodeResults(measured: readonly MeasuredSection[], { bandwidth, perplexity }: Beside): Result[] {
  const against = measured.map(({ section, sides }) =>
    faster(`${section.name}_vs_llamacpp`, sides.stem, sides.llamacpp, section.target),
  )
  const twins = measured.map(({ section, sides }) => {
    const named = Object.hasOwn(STEM_OVER_DENSE, section.name)
    const name = named ? STEM_OVER_DENSE[section.name as keyof typeof STEM_OVER_DENSE] : `stem_vs_dense_${section.name}`
    return faster(name, sides.stem, sides.dense, named ? '>= 1.15' : null)
  })
  const share = (side: SideName): number | null => {
    const found = measured.find(({ section }) => section.name === 'decode_b1_q4')
    const one = found?.sides[side]
    if (!found || !one?.opened.bytesPerStep || bandwidth === undefined) return null
    return (tokensPerSecond(found, one) * one.opened.bytesPerStep) / bandwidth
  }
  const speeds = measured.flatMap((each) =>
    Object.entries(each.sides).map(([name, one]) =>
      result(`${name}_${each.section.name}`, tokensPerSecond(each, one), 'tok/s'),
    ),
  )
  return [
    ...against,
    ...twins,
    result('share_of_memory_bandwidth_b1_q4', share('stem'), 'ratio of bytes/s'),
    result('llamacpp_share_of_memory_bandwidth_b1_q4', share('llamacpp'), 'ratio of bytes/s'),
    result('perplexity_q4_vs_f32', perplexity?.ratios[TIMED.q4] ?? null, 'ratio', '<= 1.05'),
    result('perplexity_q8_vs_f32', perplexity?.ratios[TIMED.q8] ?? null, 'ratio', '<= 1.01'),
    ...Object.entries(perplexity?.ratios ?? {}).map(([name, value]) =>
      result(`perplexity_${name}_vs_f32`, value, 'ratio'),
    ),
    result('memory_bandwidth', bandwidth === undefined ? null : bandwidth / 1e9, 'GB/s'),
    ...speeds,
  ]
}

/**
 * Bytes that one step of a dense model reads: every matrix but the embedding once, of `bits` bits a weight, and each
 * sequence's keys and values.
 */
export function denseStepBytes(config: ModelConfig, work: DecodeWork, bits: number, cacheBytes: number): number {
  let weights = 0
  for (const [name, { shape, role }] of listWeights(config)) {
    if (role === 'matrix' && name !== 'model.embed_tokens.weight') weights += shape.reduce((a, b) => a * b, 1)
  }
  const context = work.from + work.steps / 2
  const cached = work.batch * context * config.layers * 2 * config.kvHeads * config.headDim
  return (weights * bits) / 8 + cached * cacheBytes
}

/** Equal numbers of tokens, so times compare as speeds do. */
function faster(metric: string, one: Measured | undefined, other: Measured | undefined, target: Target): Result {
  return result(metric, one && other ? medianRatio(other.timing, one.timing) : null, 'times as fast', target)
}

const tokensPerSecond = ({ section }: MeasuredSection, { timing }: Measured): number =>
  tokensOf(section.work) / (timing.median / 1000)

const result = (metric: string, value: number | null, unit: string, target: Target = null): Result => ({
  metric,
  value,
  unit,
  target,
})
