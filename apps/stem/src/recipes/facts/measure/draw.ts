import { permutation } from '@stemkit/data'

/** Some of a list, in the order in which they are drawn: always the same for a seed and a stream. */
export const drawSome = <T>(list: readonly T[], count: number, seed: number, stream: number): T[] =>
  Array.from(permutation(list.length, seed, stream).subarray(0, count), (i) => list[i]!)
