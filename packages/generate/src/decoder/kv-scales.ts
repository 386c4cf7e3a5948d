import { candidates, pick } from '../sampling/sampler.ts'
import { createRandom } from '../sampling/random.ts'
import { openDecoder, type CreateDecoderOptions } from './create-decoder.ts'
import type { KvScales } from './kv-cache.ts'
import { cacheNames, cacheWidth } from './step-graph.ts'

export interface MeasureKvScalesOptions extends Pick<
  CreateDecoderOptions,
  'config' | 'weights' | 'rows' | 'engine' | 'custom' | 'maxLength'
> {
  /** What texts start with. Default: a token at random. */
  readonly start?: readonly number[] | undefined
  /** Tokens that there are, if the head has more. */
  readonly vocabSize?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Sequences that the model writes, and their length where it holds as many. */
const SEQUENCES = 4
const LENGTH = 128
/** The largest code. */
const LARGEST = 127
/** Room above what was met. */
const MARGIN = 1.1

/**
 * Scales for keys and values in int8: of each channel of each head, the largest value that the model makes of texts that it writes
 * itself, always the same ones, and a tenth more. Keys are turned by the rotary embedding, two channels at a time and further at
 * later positions, so for them it is the largest length of the pair. What is larger in other texts is cut off at that.
 * @throws what the decoder and the rows throw; the reason of `signal`
 */
export async function measureKvScales({ start = [], signal, ...options }: MeasureKvScalesOptions): Promise<KvScales> {
  const { layers, kvHeads, headDim, vocabSize } = options.config
  const { decoder, cache } = await openDecoder({ ...options, slots: SEQUENCES })
  const random = createRandom(1)
  const known = Math.min(vocabSize, options.vocabSize ?? vocabSize)
  const anyToken = (): number => Math.floor(random() * known)
  const length = Math.min(LENGTH, decoder.maxLength)
  const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0 }
  try {
    let next = Array.from({ length: SEQUENCES }, () => start[0] ?? anyToken())
    for (let at = 0; at < length; at++) {
      const chunks = next.map((id, slot) => ({ slot, start: at, ids: Int32Array.of(id), asked: 'last' as const }))
      const logits = await decoder.run(chunks, { signal })
      next = logits.map((each) => start[at + 1] ?? pick(candidates(each.subarray(0, known), sampling), random()))
    }
    return Array.from({ length: layers }, (_, layer) => {
      const names = cacheNames(layer)
      const read = (name: string): Float32Array[] =>
        Array.from({ length: SEQUENCES * kvHeads }, (__, i) => {
          const rows = cache.tokens(name, Math.floor(i / kvHeads), i % kvHeads, 0, length)
          return Float32Array.from(rows)
        })
      const measured = { kvHeads, headDim, width: cacheWidth(headDim) }
      return {
        keys: toScales(largestOf(read(names.keys), { ...measured, step: 2 })),
        values: toScales(largestOf(read(names.values), { ...measured, step: 1 })),
      }
    })
  } finally {
    await decoder.dispose()
  }
}

interface HeadShape {
  readonly kvHeads: number
  readonly headDim: number
  /** Of the rows, of which the first `headDim` channels count. */
  readonly width: number
  /** Channels that are looked at together. */
  readonly step: number
}

/** For each channel of each head [G * hd], the largest length of its group of channels in rows [n, width] of sequences x heads. */
function largestOf(sequences: readonly Float32Array[], { kvHeads, headDim, width, step }: HeadShape): Float32Array {
  const most = new Float32Array(kvHeads * headDim)
  for (const [i, rows] of sequences.entries()) {
    const first = (i % kvHeads) * headDim
    for (let at = 0; at < rows.length; at += width) {
      for (let c = 0; c < headDim; c += step) {
        let squares = 0
        for (let k = at + c; k < at + c + step; k++) squares += rows[k]! * rows[k]!
        for (let k = first + c; k < first + c + step; k++) most[k] = Math.max(most[k]!, squares)
      }
    }
  }
  return most.map(Math.sqrt)
}

/** A channel that is always zero may have any scale. */
const toScales = (most: Float32Array): Float32Array =>
  most.map((length) => (length > 0 ? (MARGIN * length) / LARGEST : 1))
