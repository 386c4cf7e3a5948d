import { Matrix } from './structs'
import { storeTile } from './tiles'

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
export function oneOfNumbers<T>(m: Matrix, x: usize, t: i32, group: i32, tile: usize): void {
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
export function fourOfNumbers<T>(m: Matrix, x: usize, t: i32, group: i32, tile: usize): void {
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
