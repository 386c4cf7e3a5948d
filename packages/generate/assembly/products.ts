import { fourOfBits4, oneOfBits4, twoOfBits4 } from './products-of-4-bits'
import { oneOfBits8 } from './products-of-8-bits'
import { fourOfNumbers, oneOfNumbers } from './products-of-numbers'
import { Kind, Matrix, Scratch } from './structs'

/**
 * Rows 8 * group to 8 * group + 7 of a matrix times the inputs of all tokens, x [tokens, columns] or their codes -> tile [tokens, 8].
 * Weights are read from memory for the first tokens and from the cache for those that follow.
 */
export function multiplyGroup(s: Scratch, m: Matrix, x: usize, tokens: i32, group: i32, tile: usize): void {
  let t = 0
  switch (m.kind) {
    case Kind.bits4:
      // Three are computed as four, the last of which is whatever was there.
      for (; t + 3 <= tokens; t += 4) fourOfBits4(s, m, t, group, tile)
      for (; t + 2 <= tokens; t += 2) twoOfBits4(s, m, t, group, tile)
      for (; t < tokens; t++) oneOfBits4(s, m, t, group, tile)
      break
    case Kind.bits8:
      for (; t < tokens; t++) oneOfBits8(s, m, t, group, tile)
      break
    case Kind.float16:
      for (; t + 3 <= tokens; t += 4) fourOfNumbers<u16>(m, x, t, group, tile)
      for (; t < tokens; t++) oneOfNumbers<u16>(m, x, t, group, tile)
      break
    default:
      for (; t + 3 <= tokens; t += 4) fourOfNumbers<f32>(m, x, t, group, tile)
      for (; t < tokens; t++) oneOfNumbers<f32>(m, x, t, group, tile)
  }
}
