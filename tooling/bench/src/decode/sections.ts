import type { Target } from '../report.ts'
import type { Work } from './decode-side.ts'

export interface Section {
  /** What the metrics of it are named after. */
  readonly name: string
  readonly work: Work
  /** For tokens a second of STEM over those of llama.cpp's dense model. */
  readonly target: Target
}

const STEPS = 32

/** Steps around a context: as many tokens before it as after, on average it. Fewer of a large batch, which take longer. */
function decode(name: string, format: Work['format'], batch: number, context: number, target: Target): Section {
  const steps = batch >= 16 ? STEPS / 4 : batch >= 4 ? STEPS / 2 : STEPS
  return { name, work: { kind: 'decode', format, batch, from: context - steps / 2, steps }, target }
}

const prefill = (name: string, format: Work['format'], tokens: number, target: Target): Section => ({
  name,
  work: { kind: 'prefill', format, tokens },
  target,
})

/** What is measured, in order of format: a side has one model in memory at a time. */
export const SECTIONS: readonly Section[] = [
  decode('decode_b1_q4', 'q4', 1, 128, '>= 1.3'),
  decode('decode_b1_q4_long', 'q4', 1, 440, '>= 1.5'),
  decode('decode_b4_q4', 'q4', 4, 128, null),
  decode('decode_b16_q4', 'q4', 16, 128, '>= 1.6'),
  decode('decode_b16_q4_long', 'q4', 16, 440, null),
  prefill('prefill_q4', 'q4', 256, '>= 1.5'),
  prefill('prefill_q4_511', 'q4', 511, null),
  decode('decode_b1_q8', 'q8', 1, 128, '>= 1.25'),
  decode('decode_b4_q8', 'q8', 4, 128, null),
  decode('decode_b16_q8', 'q8', 16, 128, '>= 2'),
  prefill('prefill_q8', 'q8', 256, null),
  decode('decode_b1_f16', 'f16', 1, 128, null),
  decode('decode_b4_f16', 'f16', 4, 128, null),
  decode('decode_b16_f16', 'f16', 16, 128, null),
  decode('decode_b1_f32', 'f32', 1, 128, null),
  decode('decode_b16_f32', 'f32', 16, 128, null),
]

/** What shows that everything works, in a minute. */
export const QUICK_SECTIONS = new Set(['decode_b1_q4', 'decode_b16_q4', 'prefill_q4'])
