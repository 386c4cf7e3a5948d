import { Matrix, Scratch } from './structs'
import { addScaled, scalesAt, storeTile, unitsOf } from './tiles'

/** Sums in 16 bits over 32 columns: at most 8 * 2 * 15 * 127, which fits. */
export function oneOfBits4(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
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
export function twoOfBits4(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
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
export function fourOfBits4(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
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
