import { Matrix, Scratch } from './structs'

/** Bytes of a matrix that are read ahead at most: what a core's cache has room for beside what is in use. */
const MOST: usize = 384 * 1024
const LINE: usize = 64

/** From now on, what a thread reads ahead is its share of this matrix, which it multiplies with next. */
export function lookAheadAt(s: Scratch, m: Matrix, thread: i32, threads: i32): void {
  const groups = (m.rows + 7) >> 3
  const bytes = m.bytes / <usize>groups
  const first = <usize>((groups * thread) / threads)
  const end = <usize>((groups * (thread + 1)) / threads)
  s.ahead = m.data + first * bytes
  s.aheadEnd = s.ahead + min<usize>(MOST, (end - first) * bytes)
}

/** Reads some lines ahead, while memory has nothing else to do. */
export function lookAhead(s: Scratch, lines: i32): void {
  let at = s.ahead
  if (at >= s.aheadEnd) return
  let seen: u32 = 0
  for (let i = 0; i < lines; i++) {
    seen |= load<u8>(at)
    at += LINE
  }
  s.ahead = at
  s.seen = seen
}
