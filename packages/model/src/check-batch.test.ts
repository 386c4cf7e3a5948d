import { expect, test } from 'vitest'
import { checkBatch, createModelConfig } from './index.ts'

const config = createModelConfig({ vocabSize: 10, dim: 64, layers: 1, maxLength: 4 })
const batch = {
  size: 2,
  length: 3,
  inputIds: [0, 1, 2, 3, 4, 9],
  targets: [1, 2, 3, 4, 9, 0],
  positionIds: [0, 1, 2, 0, 1, 3],
}

test('a sound batch passes', () => {
  checkBatch(config, batch)
  checkBatch(config, { size: 1, length: 1, inputIds: Int32Array.of(9) })
})

test.each([
  [
    'a token id out of range',
    { inputIds: [0, 1, 2, 3, 10, 9] },
    'inputIds has 10 at sequence 1, position 1; it must be in 0..9',
  ],
  ['a negative target', { targets: [1, 2, -1, 4, 9, 0] }, 'targets has -1 at sequence 0, position 2'],
  ['a position beyond the model', { positionIds: [0, 1, 2, 0, 1, 4] }, 'positionIds has 4 at sequence 1, position 2'],
  ['an array of another size', { inputIds: [0, 1, 2] }, 'inputIds has 3 entries for 2 sequences of 3'],
  ['sequences that are too long', { length: 5 }, 'sequences of 5 tokens; the model takes at most 4'],
])('%s is refused', (_, change, message) => {
  expect(() => checkBatch(config, { ...batch, ...change })).toThrow(message)
})
