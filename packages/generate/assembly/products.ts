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

function unitsOf(s: Scratch, t: i32, blocks: i32): usize {
  return s.units + ((<usize>(t * blocks)) << 2)
}

/** Scales of four rows: of 16 bits, they are the upper halves of float32. */
function scalesAt(at: usize, areShort: i32): v128 {
  return areShort ? i32x4.shl(v128.load16x4_u(at), 16) : v128.load(at)
}

function addScaled(sum: v128, whole: v128, scales: v128, unit: v128): v128 {
  return f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(whole), f32x4.mul(scales, unit)))
}

function storeTile(tile: usize, t: i32, low: v128, high: v128): void {
  v128.store(tile + ((<usize>t) << 5), low, 0)
  v128.store(tile + ((<usize>t) << 5), high, 16)
}

/** Sums in 16 bits over 32 columns: at most 8 * 2 * 15 * 127, which fits. */
function oneOfBits4(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
  const block = m.block
  const blocks = m.columns / block
  const low4 = i32x4.splat(s.low4)
  let w = m.data + <usize>group * <usize>(m.columns << 2)
  const areShort = m.areScalesShort
  /** Bytes of the scales of four rows. */
  const half: usize = areShort ? 8 : 16
  let scales = m.scales + <usize>group * <usize>blocks * (half << 1)
  let x = s.codes + <usize>(t * m.columns)
  let unit = unitsOf(s, t, blocks)
  let offset = s.offsets + ((<usize>(t * blocks)) << 2)
  let lowSum = f32x4.splat(0)
  let highSum = f32x4.splat(0)
  for (let b = 0; b < blocks; b++) {
    let low = v128.load32_splat(offset)
    let high = low
    for (let i = 0; i < block; i += 32) {
      let even = v128.load32_splat(x, 0)
      let odd = v128.load32_splat(x, 16)
      let first = v128.load(w, 0)
      let second = v128.load(w, 16)
      let a = i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(first, low4))
      let c = i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(second, low4))
      a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(first, 4), low4)))
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(second, 4), low4)))
      even = v128.load32_splat(x, 4)
      odd = v128.load32_splat(x, 20)
      first = v128.load(w, 32)
      second = v128.load(w, 48)
      a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(first, low4)))
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(second, low4)))
      a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(first, 4), low4)))
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(second, 4), low4)))
      even = v128.load32_splat(x, 8)
      odd = v128.load32_splat(x, 24)
      first = v128.load(w, 64)
      second = v128.load(w, 80)
      a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(first, low4)))
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(second, low4)))
      a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(first, 4), low4)))
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(second, 4), low4)))
      even = v128.load32_splat(x, 12)
      odd = v128.load32_splat(x, 28)
      first = v128.load(w, 96)
      second = v128.load(w, 112)
      a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(first, low4)))
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(even, v128.and(second, low4)))
      a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(first, 4), low4)))
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(odd, v128.and(i16x8.shr_u(second, 4), low4)))
      low = i32x4.add(low, i32x4.extadd_pairwise_i16x8_s(a))
      high = i32x4.add(high, i32x4.extadd_pairwise_i16x8_s(c))
      w += 128
      x += 32
    }
    const scale = v128.load32_splat(unit)
    lowSum = addScaled(lowSum, low, scalesAt(scales, areShort), scale)
    highSum = addScaled(highSum, high, scalesAt(scales + half, areShort), scale)
    scales += half << 1
    unit += 4
    offset += 4
  }
  storeTile(tile, t, lowSum, highSum)
}

/** Two tokens at once, so that weights are unpacked once for them. */
function twoOfBits4(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
  const block = m.block
  const columns = <usize>m.columns
  const blocks = m.columns / block
  const stride = (<usize>blocks) << 2
  const low4 = i32x4.splat(s.low4)
  let w = m.data + <usize>group * (columns << 2)
  const areShort = m.areScalesShort
  /** Bytes of the scales of four rows. */
  const half: usize = areShort ? 8 : 16
  let scales = m.scales + <usize>group * <usize>blocks * (half << 1)
  let x0 = s.codes + <usize>t * columns
  let x1 = x0 + columns
  let unit = unitsOf(s, t, blocks)
  let offset = s.offsets + <usize>t * stride
  let low0 = f32x4.splat(0)
  let high0 = low0
  let low1 = low0
  let high1 = low0
  for (let b = 0; b < blocks; b++) {
    let a0 = v128.load32_splat(offset)
    let a1 = v128.load32_splat(offset + stride)
    let c0 = a0
    let c1 = a1
    for (let i = 0; i < block; i += 8) {
      const first = v128.load(w, 0)
      const second = v128.load(w, 16)
      let p = v128.and(first, low4)
      let q = v128.and(second, low4)
      let x = v128.load32_splat(x0, 0)
      a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a0)
      c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c0)
      x = v128.load32_splat(x1, 0)
      a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a1)
      c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c1)
      p = v128.and(i16x8.shr_u(first, 4), low4)
      q = v128.and(i16x8.shr_u(second, 4), low4)
      x = v128.load32_splat(x0, 16)
      a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a0)
      c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c0)
      x = v128.load32_splat(x1, 16)
      a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a1)
      c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c1)
      w += 32
      const step = stepOf(i)
      x0 += step
      x1 += step
    }
    const low = scalesAt(scales, areShort)
    const high = scalesAt(scales + half, areShort)
    let scale = v128.load32_splat(unit)
    low0 = addScaled(low0, a0, low, scale)
    high0 = addScaled(high0, c0, high, scale)
    scale = v128.load32_splat(unit + stride)
    low1 = addScaled(low1, a1, low, scale)
    high1 = addScaled(high1, c1, high, scale)
    scales += half << 1
    unit += 4
    offset += 4
  }
  storeTile(tile, t, low0, high0)
  storeTile(tile, t + 1, low1, high1)
}

/** Bytes to the next 4 even codes: of 32 codes, the 16 even ones come first. */
function stepOf(column: i32): usize {
  return (column & 31) == 24 ? 20 : 4
}

/** Four tokens at once, so that weights are unpacked once for them. */
function fourOfBits4(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
  const block = m.block
  const columns = <usize>m.columns
  const blocks = m.columns / block
  const stride = (<usize>blocks) << 2
  const low4 = i32x4.splat(s.low4)
  let w = m.data + <usize>group * (columns << 2)
  const areShort = m.areScalesShort
  /** Bytes of the scales of four rows. */
  const half: usize = areShort ? 8 : 16
  let scales = m.scales + <usize>group * <usize>blocks * (half << 1)
  let x0 = s.codes + <usize>t * columns
  let x1 = x0 + columns
  let x2 = x1 + columns
  let x3 = x2 + columns
  let unit = unitsOf(s, t, blocks)
  let offset = s.offsets + <usize>t * stride
  for (let u = t; u < t + 4; u++) storeTile(tile, u, f32x4.splat(0), f32x4.splat(0))
  const to = tile + ((<usize>t) << 5)
  for (let b = 0; b < blocks; b++) {
    let a0 = v128.load32_splat(offset)
    let a1 = v128.load32_splat(offset + stride)
    let a2 = v128.load32_splat(offset + 2 * stride)
    let a3 = v128.load32_splat(offset + 3 * stride)
    let c0 = a0
    let c1 = a1
    let c2 = a2
    let c3 = a3
    for (let i = 0; i < block; i += 8) {
      const first = v128.load(w, 0)
      const second = v128.load(w, 16)
      let p = v128.and(first, low4)
      let q = v128.and(second, low4)
      let x = v128.load32_splat(x0, 0)
      a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a0)
      c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c0)
      x = v128.load32_splat(x1, 0)
      a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a1)
      c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c1)
      x = v128.load32_splat(x2, 0)
      a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a2)
      c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c2)
      x = v128.load32_splat(x3, 0)
      a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a3)
      c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c3)
      p = v128.and(i16x8.shr_u(first, 4), low4)
      q = v128.and(i16x8.shr_u(second, 4), low4)
      x = v128.load32_splat(x0, 16)
      a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a0)
      c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c0)
      x = v128.load32_splat(x1, 16)
      a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a1)
      c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c1)
      x = v128.load32_splat(x2, 16)
      a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a2)
      c2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c2)
      x = v128.load32_splat(x3, 16)
      a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, p, a3)
      c3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, q, c3)
      w += 32
      const step = stepOf(i)
      x0 += step
      x1 += step
      x2 += step
      x3 += step
    }
    const low = scalesAt(scales, areShort)
    const high = scalesAt(scales + half, areShort)
    let scale = v128.load32_splat(unit)
    v128.store(to, addScaled(v128.load(to, 0), a0, low, scale), 0)
    v128.store(to, addScaled(v128.load(to, 16), c0, high, scale), 16)
    scale = v128.load32_splat(unit + stride)
    v128.store(to, addScaled(v128.load(to, 32), a1, low, scale), 32)
    v128.store(to, addScaled(v128.load(to, 48), c1, high, scale), 48)
    scale = v128.load32_splat(unit + 2 * stride)
    v128.store(to, addScaled(v128.load(to, 64), a2, low, scale), 64)
    v128.store(to, addScaled(v128.load(to, 80), c2, high, scale), 80)
    scale = v128.load32_splat(unit + 3 * stride)
    v128.store(to, addScaled(v128.load(to, 96), a3, low, scale), 96)
    v128.store(to, addScaled(v128.load(to, 112), c3, high, scale), 112)
    scales += half << 1
    unit += 4
    offset += 4
  }
}

/** Two columns of each row side by side, times two inputs of 16 bits. */
function oneOfBits8(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
  const block = m.block
  const blocks = m.columns / block
  let w = m.data + <usize>group * <usize>(m.columns << 3)
  const areShort = m.areScalesShort
  /** Bytes of the scales of four rows. */
  const half: usize = areShort ? 8 : 16
  let scales = m.scales + <usize>group * <usize>blocks * (half << 1)
  let x = s.codes + ((<usize>(t * m.columns)) << 1)
  let unit = unitsOf(s, t, blocks)
  let lowSum = f32x4.splat(0)
  let highSum = f32x4.splat(0)
  for (let b = 0; b < blocks; b++) {
    let low = i32x4.splat(0)
    let high = i32x4.splat(0)
    for (let i = 0; i < block; i += 8) {
      let pair = v128.load32_splat(x, 0)
      low = i32x4.add(low, i32x4.dot_i16x8_s(v128.load8x8_s(w, 0), pair))
      high = i32x4.add(high, i32x4.dot_i16x8_s(v128.load8x8_s(w, 8), pair))
      pair = v128.load32_splat(x, 4)
      low = i32x4.add(low, i32x4.dot_i16x8_s(v128.load8x8_s(w, 16), pair))
      high = i32x4.add(high, i32x4.dot_i16x8_s(v128.load8x8_s(w, 24), pair))
      pair = v128.load32_splat(x, 8)
      low = i32x4.add(low, i32x4.dot_i16x8_s(v128.load8x8_s(w, 32), pair))
      high = i32x4.add(high, i32x4.dot_i16x8_s(v128.load8x8_s(w, 40), pair))
      pair = v128.load32_splat(x, 12)
      low = i32x4.add(low, i32x4.dot_i16x8_s(v128.load8x8_s(w, 48), pair))
      high = i32x4.add(high, i32x4.dot_i16x8_s(v128.load8x8_s(w, 56), pair))
      w += 64
      x += 16
    }
    const scale = v128.load32_splat(unit)
    lowSum = addScaled(lowSum, low, scalesAt(scales, areShort), scale)
    highSum = addScaled(highSum, high, scalesAt(scales + half, areShort), scale)
    scales += half << 1
    unit += 4
  }
  storeTile(tile, t, lowSum, highSum)
}

/**
 * Four numbers of half precision, over 2^112: their exponents are put where those of single precision are, which are 112 more. Half of
 * that is made up for in the other factor and half in the sum, so that nothing between becomes too small or too large.
 */
function halves(at: usize): v128 {
  return v128.and(i32x4.shl(v128.load16x4_s(at), 13), i32x4.splat(0x8fffffff))
}

/** 2^56 */
const HALF_WAY: f32 = 72057594037927936.0

/** Weights of four rows in one column, at an address: of f32, or of u16 as `halves` gives them. */
function weights<T>(at: usize): v128 {
  if (sizeof<T>() == 2) return halves(at)
  return v128.load(at)
}

/** What inputs and sums are multiplied by, if they have to be. */
function scaled<T>(x: v128): v128 {
  if (sizeof<T>() == 2) return f32x4.mul(x, f32x4.splat(HALF_WAY))
  return x
}

/** Even and odd columns are added up apart, so that one sum need not wait for the other. */
function oneOfNumbers<T>(m: Matrix, x: usize, t: i32, group: i32, tile: usize): void {
  const half = 4 * sizeof<T>()
  let w = m.data + <usize>group * <usize>m.columns * 2 * half
  let from = x + ((<usize>(t * m.columns)) << 2)
  let low = f32x4.splat(0)
  let high = low
  let oddLow = low
  let oddHigh = low
  let k = 0
  for (; k + 2 <= m.columns; k += 2) {
    const even = scaled<T>(v128.load32_splat(from, 0))
    low = f32x4.relaxed_madd(even, weights<T>(w), low)
    high = f32x4.relaxed_madd(even, weights<T>(w + half), high)
    const odd = scaled<T>(v128.load32_splat(from, 4))
    oddLow = f32x4.relaxed_madd(odd, weights<T>(w + 2 * half), oddLow)
    oddHigh = f32x4.relaxed_madd(odd, weights<T>(w + 3 * half), oddHigh)
    w += 4 * half
    from += 8
  }
  if (k < m.columns) {
    const last = scaled<T>(v128.load32_splat(from))
    low = f32x4.relaxed_madd(last, weights<T>(w), low)
    high = f32x4.relaxed_madd(last, weights<T>(w + half), high)
  }
  storeTile(tile, t, scaled<T>(f32x4.add(low, oddLow)), scaled<T>(f32x4.add(high, oddHigh)))
}

/** Four tokens at once, so that weights are read and widened once for them. */
function fourOfNumbers<T>(m: Matrix, x: usize, t: i32, group: i32, tile: usize): void {
  const half = 4 * sizeof<T>()
  const stride = (<usize>m.columns) << 2
  let w = m.data + <usize>group * <usize>m.columns * 2 * half
  let x0 = x + <usize>t * stride
  let x1 = x0 + stride
  let x2 = x1 + stride
  let x3 = x2 + stride
  let a0 = f32x4.splat(0)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let c0 = a0
  let c1 = a0
  let c2 = a0
  let c3 = a0
  for (let k = 0; k < m.columns; k++) {
    const low = weights<T>(w)
    const high = weights<T>(w + half)
    let each = scaled<T>(v128.load32_splat(x0))
    a0 = f32x4.relaxed_madd(each, low, a0)
    c0 = f32x4.relaxed_madd(each, high, c0)
    each = scaled<T>(v128.load32_splat(x1))
    a1 = f32x4.relaxed_madd(each, low, a1)
    c1 = f32x4.relaxed_madd(each, high, c1)
    each = scaled<T>(v128.load32_splat(x2))
    a2 = f32x4.relaxed_madd(each, low, a2)
    c2 = f32x4.relaxed_madd(each, high, c2)
    each = scaled<T>(v128.load32_splat(x3))
    a3 = f32x4.relaxed_madd(each, low, a3)
    c3 = f32x4.relaxed_madd(each, high, c3)
    w += 2 * half
    x0 += 4
    x1 += 4
    x2 += 4
    x3 += 4
  }
  storeTile(tile, t, scaled<T>(a0), scaled<T>(c0))
  storeTile(tile, t + 1, scaled<T>(a1), scaled<T>(c1))
  storeTile(tile, t + 2, scaled<T>(a2), scaled<T>(c2))
  storeTile(tile, t + 3, scaled<T>(a3), scaled<T>(c3))
}
