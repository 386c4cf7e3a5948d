import { Layer, Program, Scratch, Sequence } from './structs'
import { lookAhead } from './look-ahead'
import { addLanes, codes8, copyFloats, exp4, narrow8 } from './vectors'

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
        const unit = codeQuery(p, s, p.queries + at, l.keyScales + scales)
        scoreCodes(s, keys, width, position + 1, unit)
        const share = codeShares(s, position + 1, exponentials(s.scores, position + 1))
        mixCodes(s, p.attended + at, values, width, headDim, position + 1, l.valueScales + scales, share)
      } else {
        scoreFloats(p, s, keys, p.queries + at, position + 1)
        softmax(s.scores, position + 1)
        mixFloats(s, p.attended + at, values, width, headDim, position + 1)
      }
    }
  }
}

/** Rotary embedding of one head, in place: pairs of neighbours, two pairs at a time. */
function turn(p: Program, x: usize, position: i32): void {
  const angles = (<usize>(position * p.headDim)) << 2
  let cosines = p.cosines + angles
  let sines = p.sines + angles
  let i = 0
  for (; i + 4 <= p.headDim; i += 4) {
    const each = v128.load(x)
    const others = v128.shuffle<i32>(each, each, 1, 0, 3, 2)
    v128.store(x, f32x4.add(f32x4.mul(each, v128.load(cosines)), f32x4.mul(others, v128.load(sines))))
    x += 16
    cosines += 16
    sines += 16
  }
  if (i < p.headDim) {
    const even = load<f32>(x, 0)
    const odd = load<f32>(x, 4)
    store<f32>(x, even * load<f32>(cosines, 0) + odd * load<f32>(sines, 0), 0)
    store<f32>(x, odd * load<f32>(cosines, 4) + even * load<f32>(sines, 4), 4)
  }
}

/** Beyond this, a number is cut off at a code whatever it is. */
const BEYOND: f32 = 1000

/** Puts numbers of one head into the cache; channels behind the head stay zero. */
function keep(p: Program, to: usize, x: usize, scales: usize): void {
  if (!p.isSmallCache) {
    copyFloats(to, x, p.headDim)
    return
  }
  let c = 0
  for (; c + 8 <= p.headDim; c += 8) {
    const codes = narrow8(unitsIn(x, scales), unitsIn(x + 16, scales + 16))
    v128.store64_lane(to, i8x16.narrow_i16x8_s(codes, codes), 0)
    to += 8
    x += 32
    scales += 32
  }
  for (; c < p.headDim; c++) {
    store<i8>(to, <i8>max<f32>(-128, min<f32>(127, nearest<f32>(load<f32>(x) / load<f32>(scales)))))
    to++
    x += 4
    scales += 4
  }
}

function unitsIn(x: usize, scales: usize): v128 {
  const units = f32x4.div(v128.load(x), v128.load(scales))
  return f32x4.pmin(f32x4.splat(BEYOND), f32x4.pmax(f32x4.splat(-BEYOND), units))
}

/** A query times the units of the keys and 1 / sqrt(headDim), in 16 bits with a unit of its own, which is returned. */
function codeQuery(p: Program, s: Scratch, query: usize, scales: usize): f32 {
  const headDim = p.headDim
  let most: f32 = 0
  let each: f32 = 0
  let largest = f32x4.splat(0)
  let c = 0
  for (; c + 8 <= headDim; c += 8) {
    const at = (<usize>c) << 2
    largest = f32x4.pmax(largest, f32x4.abs(f32x4.mul(v128.load(query + at), v128.load(scales + at))))
    largest = f32x4.pmax(largest, f32x4.abs(f32x4.mul(v128.load(query + at, 16), v128.load(scales + at, 16))))
  }
  for (; c < headDim; c++) {
    each = load<f32>(query + ((<usize>c) << 2)) * load<f32>(scales + ((<usize>c) << 2))
    most = max<f32>(most, abs<f32>(each))
  }
  for (let i = 0; i < 4; i++) {
    v128.store(s.tile, largest)
    most = max<f32>(most, load<f32>(s.tile + ((<usize>i) << 2)))
  }
  const inverse: f32 = most > 0 ? 32767 / most : 0
  const inverses = f32x4.splat(inverse)
  c = 0
  for (; c + 8 <= headDim; c += 8) {
    const at = (<usize>c) << 2
    const low = f32x4.mul(f32x4.mul(v128.load(query + at), v128.load(scales + at)), inverses)
    const high = f32x4.mul(f32x4.mul(v128.load(query + at, 16), v128.load(scales + at, 16)), inverses)
    v128.store(s.query + ((<usize>c) << 1), narrow8(low, high))
  }
  for (; c < p.cacheWidth; c++) {
    const at = (<usize>c) << 2
    each = c < headDim ? nearest<f32>(load<f32>(query + at) * load<f32>(scales + at) * inverse) : 0
    store<i16>(s.query + ((<usize>c) << 1), <i16>each)
  }
  return most / 32767 / <f32>Math.sqrt(<f64>headDim)
}

/** Four tokens at a time; behind the last one, whatever stands there. */
function scoreCodes(s: Scratch, keys: usize, width: i32, count: i32, unit: f32): void {
  const units = f32x4.splat(unit)
  const stride = <usize>width
  let to = s.scores
  for (let t = 0; t < count; t += 4) {
    let a = i32x4.splat(0)
    let b = a
    let c = a
    let d = a
    let query = s.query
    let key = keys
    for (let i = 0; i < width; i += 16) {
      const low = v128.load(query, 0)
      const high = v128.load(query, 16)
      a = i32x4.add(a, dotCodes(key, low, high))
      b = i32x4.add(b, dotCodes(key + stride, low, high))
      c = i32x4.add(c, dotCodes(key + 2 * stride, low, high))
      d = i32x4.add(d, dotCodes(key + 3 * stride, low, high))
      key += 16
      query += 32
    }
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(addNeighbours(addHalves(a, b), addHalves(c, d))), units))
    lookAhead(s, 4)
    keys += 4 * stride
    to += 16
  }
}

function dotCodes(key: usize, low: v128, high: v128): v128 {
  return i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(key, 0), low), i32x4.dot_i16x8_s(v128.load8x8_s(key, 8), high))
}

/** The halves of two vectors added: [a0 + a2, a1 + a3, b0 + b2, b1 + b3]. */
function addHalves(a: v128, b: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(a, b, 0, 1, 4, 5), v128.shuffle<i32>(a, b, 2, 3, 6, 7))
}

/** Neighbours of two vectors added. */
function addNeighbours(a: v128, b: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7))
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

/** e^(score - the largest) in place, 0 behind the scores up to a multiple of 8; returns their sum. */
function exponentials(scores: usize, count: i32): f32 {
  const end = (count + 7) & ~7
  // Behind the scores, first one that is no larger than the largest, then one whose share is none.
  fill(scores, count, end, load<f32>(scores))
  const most = largestOf(scores, end)
  fill(scores, count, end, most - 100)
  const largest = f32x4.splat(most)
  let sums = f32x4.splat(0)
  for (let t = 0; t < end; t += 8) {
    const at = scores + ((<usize>t) << 2)
    const low = exp4(f32x4.sub(v128.load(at, 0), largest))
    const high = exp4(f32x4.sub(v128.load(at, 16), largest))
    v128.store(at, low, 0)
    v128.store(at, high, 16)
    sums = f32x4.add(sums, f32x4.add(low, high))
  }
  return addLanes(sums)
}

function fill(x: usize, from: i32, to: i32, value: f32): void {
  for (let i = from; i < to; i++) store<f32>(x + ((<usize>i) << 2), value)
}

function largestOf(x: usize, count: i32): f32 {
  let low = v128.load(x, 0)
  let high = v128.load(x, 16)
  for (let t = 8; t < count; t += 8) {
    const at = x + ((<usize>t) << 2)
    low = f32x4.pmax(low, v128.load(at, 0))
    high = f32x4.pmax(high, v128.load(at, 16))
  }
  low = f32x4.pmax(low, high)
  low = f32x4.pmax(low, v128.shuffle<i32>(low, low, 2, 3, 0, 1))
  return max<f32>(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1))
}

function softmax(scores: usize, count: i32): void {
  const inverse = f32x4.splat(1 / exponentials(scores, count))
  for (let t = 0; t < count; t += 4) {
    const at = scores + ((<usize>t) << 2)
    v128.store(at, f32x4.mul(v128.load(at), inverse))
  }
}

/** The largest sum of shares, of which the largest is 1, whose products with codes still fit 32 bits: 500 * 32767 * 128. */
const MOST_SHARES: f32 = 500

/** Shares that add up to `sum` in 16 bits; returns what a unit of them is of the whole. */
function codeShares(s: Scratch, count: i32, sum: f32): f32 {
  const unit: f32 = 32767 * min<f32>(1, MOST_SHARES / sum)
  const units = f32x4.splat(unit)
  for (let t = 0; t < count; t += 8)
    v128.store(s.shares + ((<usize>t) << 1), codes8(s.scores + ((<usize>t) << 2), units))
  return 1 / (unit * sum)
}

/** Sum of values by their shares, for two tokens and 16 channels at a time. A share behind the last one is 0. */
function mixCodes(
  s: Scratch,
  to: usize,
  values: usize,
  width: i32,
  headDim: i32,
  count: i32,
  scales: usize,
  unit: f32,
): void {
  const stride = <usize>width
  const units = f32x4.splat(unit)
  for (let channel = 0; channel < headDim; channel += 16) {
    let a = i32x4.splat(0)
    let b = a
    let c = a
    let d = a
    let from = values + <usize>channel
    let share = s.shares
    for (let t = 0; t < count; t += 2) {
      const pair = v128.load32_splat(share)
      let first = v128.load8x8_s(from, 0)
      let second = v128.load8x8_s(from + stride, 0)
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.shuffle<i16>(first, second, 0, 8, 1, 9, 2, 10, 3, 11), pair))
      b = i32x4.add(b, i32x4.dot_i16x8_s(v128.shuffle<i16>(first, second, 4, 12, 5, 13, 6, 14, 7, 15), pair))
      first = v128.load8x8_s(from, 8)
      second = v128.load8x8_s(from + stride, 8)
      c = i32x4.add(c, i32x4.dot_i16x8_s(v128.shuffle<i16>(first, second, 0, 8, 1, 9, 2, 10, 3, 11), pair))
      d = i32x4.add(d, i32x4.dot_i16x8_s(v128.shuffle<i16>(first, second, 4, 12, 5, 13, 6, 14, 7, 15), pair))
      from += 2 * stride
      share += 4
    }
    const at = (<usize>channel) << 2
    storeSome(to + at, scaledSum(a, scales + at, units), headDim - channel)
    storeSome(to + at + 16, scaledSum(b, scales + at + 16, units), headDim - channel - 4)
    storeSome(to + at + 32, scaledSum(c, scales + at + 32, units), headDim - channel - 8)
    storeSome(to + at + 48, scaledSum(d, scales + at + 48, units), headDim - channel - 12)
  }
}

function scaledSum(sum: v128, scales: usize, units: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.mul(v128.load(scales), units))
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
