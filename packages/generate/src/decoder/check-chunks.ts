import { StemkitError } from '@stemkit/spec/errors'
import type { Chunk } from './decoder.ts'

export interface ChunkLimits {
  readonly slots: number
  readonly maxLength: number
  readonly vocabSize: number
  /** Tokens of each slot. */
  readonly lengths: Int32Array
}

/** @throws bad-input for a chunk that its slot cannot take, naming both */
export function checkChunks(chunks: readonly Chunk[], limits: ChunkLimits): void {
  const { slots, maxLength, vocabSize, lengths } = limits
  const seen = new Set<number>()
  for (const { slot, start, ids } of chunks) {
    const wrong = (problem: string): StemkitError => new StemkitError('bad-input', `decoder: ${problem}`)
    if (!Number.isInteger(slot) || slot < 0 || slot >= slots) throw wrong(`slot ${slot} is not one of ${slots}`)
    if (seen.has(slot)) throw wrong(`two chunks for slot ${slot} in one run`)
    seen.add(slot)
    if (!Number.isInteger(start) || start < 0 || start > lengths[slot]!) {
      throw wrong(`a chunk starts at ${start}, but slot ${slot} has ${lengths[slot]} tokens`)
    }
    if (ids.length === 0) throw wrong(`a chunk of no tokens for slot ${slot}`)
    if (start + ids.length > maxLength) {
      throw wrong(`${ids.length} tokens after ${start} are more than the ${maxLength} that slot ${slot} holds`)
    }
    const stray = ids.find((id) => id < 0 || id >= vocabSize)
    if (stray !== undefined) throw wrong(`token ${stray} for slot ${slot}; there are ${vocabSize}`)
  }
}
