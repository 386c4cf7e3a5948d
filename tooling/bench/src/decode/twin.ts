import { createModelConfig, listWeights, type ModelConfig } from '@stemkit/model'

const common = { layers: 24, dim: 1024, heads: 16, ffnHidden: 2816, vocabSize: 32000, maxLength: 512 }

/** STEM in all layers but the first, and its dense twin. */
export const TWINS: Readonly<Record<'stem' | 'dense', ModelConfig>> = {
  stem: createModelConfig({ ...common, kind: 'stem', placement: 'full' }),
  dense: createModelConfig({ ...common, kind: 'dense' }),
}

/**
 * The numbers of one weight: those of its name and the seed, near normal with deviation in^-1/2, gains near 1. All
 * weights differ, as engines share what is equal and are then too fast. Made one at a time: all of them take 1.5 GB.
 */
export function randomWeight(config: ModelConfig, name: string, seed: number): Float32Array {
  const { shape, role } = listWeights(config).get(name)!
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
  const [mean, deviation] = role === 'gain' ? [1, 0.1] : [0, shape.at(-1)! ** -0.5]
  // The sum of four uniform numbers of 16 bits has a third of their range squared as its variance.
  const scale = deviation * Math.sqrt(3) * 2 ** -16
  let state = hash(name, seed)
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state & 0xffff) + (state >>> 16)
  }
  for (let i = 0; i < values.length; i++) values[i] = mean + scale * (next() + next() - 0x1fffe)
  return values
}

/** Never 0, at which the generator would stay. */
function hash(name: string, seed: number): number {
  let h = 0x811c9dc5 ^ seed
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193)
  return h || 1
}
