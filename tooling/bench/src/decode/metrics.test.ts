import { expect, test } from 'vitest'
import type { Timing } from '../timing.ts'
import type { Opened } from './decode-side.ts'
import type { Measured, MeasuredSection } from './measure.ts'
import { decodeResults, denseStepBytes } from './metrics.ts'
import { SECTIONS } from './sections.ts'
import { TWINS } from './twin.ts'

const timing = (...samples: number[]): Timing => ({
  samples,
  median: samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)]!,
  fastest: Math.min(...samples),
  slowest: Math.max(...samples),
})
const took = (milliseconds: number[], opened: Opened = { threads: 2 }): Measured => ({
  timing: timing(...milliseconds),
  opened,
})
const section = (name: string, sides: MeasuredSection['sides']): MeasuredSection => ({
  section: SECTIONS.find((each) => each.name === name)!,
  sides,
})
const valuesOf = (...[measured, beside]: Parameters<typeof decodeResults>): Record<string, number | null> =>
  Object.fromEntries(decodeResults(measured, beside).map(({ metric, value }) => [metric, value]))
const nothing = { bandwidth: undefined, perplexity: undefined }

test('a ratio is the median over rounds, of speeds', () => {
  const sides = { stem: took([100, 200, 50]), dense: took([120, 240, 60]), llamacpp: took([200, 300, 120]) }
  const values = valuesOf([section('decode_b1_q4', sides)], nothing)
  expect(values['decode_b1_q4_vs_llamacpp']).toBeCloseTo(2)
  expect(values['stem_vs_dense_b1_q4']).toBeCloseTo(1.2)
})

test('tokens a second count those of all sequences, or of the prompt', () => {
  const values = valuesOf(
    [section('decode_b16_q4', { llamacpp: took([1000]) }), section('prefill_q4', { llamacpp: took([500]) })],
    nothing,
  )
  expect(values).toMatchObject({ llamacpp_decode_b16_q4: 16 * 8, llamacpp_prefill_q4: 512 })
})

test('what was not measured is null, not left out', () => {
  const values = valuesOf([section('decode_b1_q4', { llamacpp: took([100]) })], nothing)
  expect(values).toMatchObject({
    decode_b1_q4_vs_llamacpp: null,
    stem_vs_dense_b1_q4: null,
    share_of_memory_bandwidth_b1_q4: null,
    perplexity_q4_vs_f32: null,
    memory_bandwidth: null,
  })
})

test('the share of the bandwidth is what a step reads, over what memory could have given in that time', () => {
  const stem = took([320], { threads: 2, bytesPerStep: 2e8 }) // 32 steps of 10 ms
  const values = valuesOf([section('decode_b1_q4', { stem })], { ...nothing, bandwidth: 40e9 })
  expect(values['share_of_memory_bandwidth_b1_q4']).toBeCloseTo(0.5)
})

test('a step of the dense twin reads 341 M weights and its keys and values', () => {
  const work = { kind: 'decode', format: 'q4', batch: 2, from: 112, steps: 32 } as const
  const weights = 24 * (4 * 1024 * 1024 + 3 * 1024 * 2816) + 32000 * 1024
  expect(denseStepBytes(TWINS.dense, work, 8, 2)).toBe(weights + 2 * 128 * 24 * 2 * 1024 * 2)
})
