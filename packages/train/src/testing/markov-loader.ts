import type { Batch } from '@stemkit/data'
import type { Loader, Stateful } from '../loader.ts'

/** A small seeded generator (mulberry32) whose state is one number. */
export function random(seed: number): Stateful & { next(): number } {
  let state = seed >>> 0
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0
      let t = Math.imul(state ^ (state >>> 15), state | 1)
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
    },
    state: () => state,
    restore(saved) {
      state = saved as number
    },
  }
}

/** Endless text of a Markov chain: token t is followed by 3t + 1 in three cases of four, else by any token. */
export function markovLoader(vocabSize: number, { seed = 7, size = 2, length = 32 } = {}): Loader {
  const rng = random(seed)
  let last = 0
  let drawn = 0
  const draw = (): number => {
    last = rng.next() < 0.75 ? (3 * last + 1) % vocabSize : Math.floor(rng.next() * vocabSize)
    return last
  }
  return {
    async next() {
      drawn++
      const text = Int32Array.from({ length: size * length + 1 }, draw)
      const n = size * length
      return {
        size,
        length,
        inputIds: text.subarray(0, n),
        targets: text.subarray(1),
        // Batches count differently many positions, so that a mean of means would show.
        lossMask: Float32Array.from({ length: n }, (_, i) => (i % (1 + (drawn % 3)) === 0 ? 1 : 0)),
        documentIds: new Int32Array(n),
        positionIds: Int32Array.from({ length: n }, (_, i) => i % length),
      } satisfies Batch
    },
    state: () => ({ rng: rng.state(), last, drawn }),
    restore(state) {
      const saved = state as { rng: number; last: number; drawn: number }
      rng.restore(saved.rng)
      last = saved.last
      drawn = saved.drawn
    },
  }
}
