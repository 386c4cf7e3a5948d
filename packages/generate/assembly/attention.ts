import { Layer, Program, Scratch, Sequence } from './structs'
import { addLanes, addWholeLanes, copyFloats, exp4 } from './vectors'

/**
 * The new tokens of one sequence in one key/value head: turned by the rotary embedding and put into the cache, and the attention of
 * the query heads that belong to it.
 */
export function attendHead(p: Program, s: Scratch, l: Layer, sequence: Sequence, head: i32): void {
  const headDim = p.headDim
  const width = p.cacheWidth
  const queriesOfHead = p.heads / p.kvHeads
  const unit: i32 = p.isSmallCache ? 0 : 2
  const rows = (<usize>(sequence.place * p.kvHeads + head) * <usize>p.capacity * <usize>width) << unit
  const keys = l.keys + rows
  const values = l.values + rows
  const scales = (<usize>(head * width)) << 2
  for (let i = 0; i < sequence.count; i++) {
    const token = sequence.first + i
    const position = sequence.position + i
    const at = (<usize>(token * p.kvHeads + head) * <usize>headDim) << 2
    const to = (<usize>position * <usize>width) << unit
    turn(p, p.keys + at, position)
    keep(p, keys + to, p.keys + at, l.keyScales + scales)
    keep(p, values + to, p.values + at, l.valueScales + scales)
  }
  for (let i = 0; i < sequence.count; i++) {
    const token = sequence.first + i
    const position = sequence.position + i
    for (let each = 0; each < queriesOfHead; each++) {
      const at = (<usize>(token * p.heads + head * queriesOfHead + each) * <usize>headDim) << 2
      turn(p, p.queries + at, position)
      if (p.isSmallCache) {
        const query = codeQuery(p, s, p.queries + at, l.keyScales + scales)
        scoreCodes(s, keys, width, position + 1, query)
        softmax(s.scores, position + 1)
        mixCodes(s, p.attended + at, values, width, headDim, position + 1, l.valueScales + scales)
      } else {
        scoreFloats(p, s, keys, p.queries + at, position + 1)
        softmax(s.scores, position + 1)
        mixFloats(s, p.attended + at, values, width, headDim, position + 1)
      }
    }
  }
}

/** Rotary embedding of one head, in place: pairs of neighbours. */
function turn(p: Program, x: usize, position: i32): void {
  const pairs = p.headDim >> 1
  let cosines = p.cosines + ((<usize>(position * pairs)) << 2)
  let sines = p.sines + ((<usize>(position * pairs)) << 2)
  for (let i = 0; i < pairs; i++) {
    const even = load<f32>(x, 0)
    const odd = load<f32>(x, 4)
    const c = load<f32>(cosines)
    const d = load<f32>(sines)
    store<f32>(x, even * c - odd * d, 0)
    store<f32>(x, even * d + odd * c, 4)
    x += 8
    cosines += 4
    sines += 4
  }
}

/** Puts numbers of one head into the cache; channels behind the head stay zero. */
function keep(p: Program, to: usize, x: usize, scales: usize): void {
  if (!p.isSmallCache) {
    copyFloats(to, x, p.headDim)
    return
  }
  for (let c: usize = 0; c < <usize>p.headDim; c++) {
    const code = nearest<f32>(load<f32>(x + (c << 2)) / load<f32>(scales + (c << 2)))
    store<i8>(to + c, <i8>max<f32>(-128, min<f32>(127, code)))
  }
}

/** A query times the units of the keys and 1 / sqrt(headDim), in 16 bits with a unit of its own, which is returned. */
function codeQuery(p: Program, s: Scratch, query: usize, scales: usize): f32 {
  const headDim = p.headDim
  let most: f32 = 0
  for (let c = 0; c < headDim; c++) {
    const at = (<usize>c) << 2
    most = max<f32>(most, abs<f32>(load<f32>(query + at) * load<f32>(scales + at)))
  }
  const inverse: f32 = most > 0 ? 32767 / most : 0
  for (let c = 0; c < p.cacheWidth; c++) {
    const at = (<usize>c) << 2
    const code: f32 = c < headDim ? nearest<f32>(load<f32>(query + at) * load<f32>(scales + at) * inverse) : 0
    store<i16>(s.query + ((<usize>c) << 1), <i16>code)
  }
  return most / 32767 / <f32>Math.sqrt(<f64>headDim)
}

function scoreCodes(s: Scratch, keys: usize, width: i32, count: i32, unit: f32): void {
  let to = s.scores
  for (let t = 0; t < count; t++) {
    let sum = i32x4.splat(0)
    let query = s.query
    for (let c = 0; c < width; c += 16) {
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_s(keys, 0), v128.load(query, 0)))
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_s(keys, 8), v128.load(query, 16)))
      keys += 16
      query += 32
    }
    store<f32>(to, <f32>addWholeLanes(sum) * unit)
    to += 4
  }
}

function scoreFloats(p: Program, s: Scratch, keys: usize, query: usize, count: i32): void {
  const headDim = p.headDim
  const whole = headDim & ~3
  const unit: f32 = <f32>(1.0 / Math.sqrt(<f64>headDim))
  for (let t = 0; t < count; t++) {
    let sums = f32x4.splat(0)
    for (let c = 0; c < whole; c += 4) {
      const at = (<usize>c) << 2
      sums = f32x4.relaxed_madd(v128.load(keys + at), v128.load(query + at), sums)
    }
    let sum = addLanes(sums)
    for (let c = whole; c < headDim; c++) {
      const at = (<usize>c) << 2
      sum += load<f32>(keys + at) * load<f32>(query + at)
    }
    store<f32>(s.scores + ((<usize>t) << 2), sum * unit)
    keys += (<usize>p.cacheWidth) << 2
  }
}

/** In place. What stands behind the scores up to a multiple of 4 is written, too. */
function softmax(scores: usize, count: i32): void {
  let most = load<f32>(scores)
  for (let t = 1; t < count; t++) most = max<f32>(most, load<f32>(scores + ((<usize>t) << 2)))
  for (let t = count; t & 3; t++) store<f32>(scores + ((<usize>t) << 2), most - 100)
  const largest = f32x4.splat(most)
  let sums = f32x4.splat(0)
  for (let t = 0; t < count; t += 4) {
    const at = scores + ((<usize>t) << 2)
    const each = exp4(f32x4.sub(v128.load(at), largest))
    v128.store(at, each)
    sums = f32x4.add(sums, each)
  }
  const inverse = f32x4.splat(1 / addLanes(sums))
  for (let t = 0; t < count; t += 4) {
    const at = scores + ((<usize>t) << 2)
    v128.store(at, f32x4.mul(v128.load(at), inverse))
  }
}

/** Sum of values by their shares, 16 channels at a time. */
function mixCodes(s: Scratch, to: usize, values: usize, width: i32, headDim: i32, count: i32, scales: usize): void {
  for (let c = 0; c < headDim; c += 16) {
    let a = f32x4.splat(0)
    let b = a
    let d = a
    let e = a
    let from = values + <usize>c
    let share = s.scores
    for (let t = 0; t < count; t++) {
      const p = v128.load32_splat(share)
      const low = v128.load8x8_s(from, 0)
      const high = v128.load8x8_s(from, 8)
      a = f32x4.relaxed_madd(p, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), a)
      b = f32x4.relaxed_madd(p, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), b)
      d = f32x4.relaxed_madd(p, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), d)
      e = f32x4.relaxed_madd(p, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), e)
      from += <usize>width
      share += 4
    }
    const at = (<usize>c) << 2
    storeSome(to + at, f32x4.mul(a, v128.load(scales + at, 0)), headDim - c)
    storeSome(to + at + 16, f32x4.mul(b, v128.load(scales + at, 16)), headDim - c - 4)
    storeSome(to + at + 32, f32x4.mul(d, v128.load(scales + at, 32)), headDim - c - 8)
    storeSome(to + at + 48, f32x4.mul(e, v128.load(scales + at, 48)), headDim - c - 12)
  }
}

function mixFloats(s: Scratch, to: usize, values: usize, width: i32, headDim: i32, count: i32): void {
  for (let c = 0; c < headDim; c += 16) {
    let a = f32x4.splat(0)
    let b = a
    let d = a
    let e = a
    let from = values + ((<usize>c) << 2)
    let share = s.scores
    for (let t = 0; t < count; t++) {
      const p = v128.load32_splat(share)
      a = f32x4.relaxed_madd(p, v128.load(from, 0), a)
      b = f32x4.relaxed_madd(p, v128.load(from, 16), b)
      d = f32x4.relaxed_madd(p, v128.load(from, 32), d)
      e = f32x4.relaxed_madd(p, v128.load(from, 48), e)
      from += (<usize>width) << 2
      share += 4
    }
    const at = to + ((<usize>c) << 2)
    storeSome(at, a, headDim - c)
    storeSome(at + 16, b, headDim - c - 4)
    storeSome(at + 32, d, headDim - c - 8)
    storeSome(at + 48, e, headDim - c - 12)
  }
}

/** The first `count` of four numbers, if there are any. */
function storeSome(to: usize, x: v128, count: i32): void {
  if (count >= 4) v128.store(to, x)
  else {
    if (count > 0) store<f32>(to, f32x4.extract_lane(x, 0))
    if (count > 1) store<f32>(to, f32x4.extract_lane(x, 1), 4)
    if (count > 2) store<f32>(to, f32x4.extract_lane(x, 2), 8)
  }
}
