import { Matrix, Scratch, Kind } from './structs'

/** x [n] times 1 / sqrt(mean of squares + epsilon) times gain [n]. */
export function normalise(to: usize, x: usize, gain: usize, n: i32, epsilon: f32): void {
  const scale: f32 = <f32>(1.0 / Math.sqrt(<f64>(sumOfSquares(x, n) / <f32>n + epsilon)))
  const scales = f32x4.splat(scale)
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const at = (<usize>i) << 2
    v128.store(to + at, f32x4.mul(f32x4.mul(v128.load(x + at), scales), v128.load(gain + at)))
  }
  for (; i < n; i++) {
    const at = (<usize>i) << 2
    store<f32>(to + at, load<f32>(x + at) * scale * load<f32>(gain + at))
  }
}

/** Four sums at a time, which need not wait for each other. */
function sumOfSquares(x: usize, n: i32): f32 {
  let a = f32x4.splat(0)
  let b = a
  let c = a
  let d = a
  let i = 0
  for (; i + 16 <= n; i += 16) {
    a = addSquare(a, v128.load(x, 0))
    b = addSquare(b, v128.load(x, 16))
    c = addSquare(c, v128.load(x, 32))
    d = addSquare(d, v128.load(x, 48))
    x += 64
  }
  let rest: f32 = 0
  for (; i < n; i++) {
    rest += load<f32>(x) * load<f32>(x)
    x += 4
  }
  return addLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d))) + rest
}

function addSquare(sum: v128, x: v128): v128 {
  return f32x4.add(sum, f32x4.mul(x, x))
}

export function addLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 2) + (f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 3))
}

function addWholeLanes(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}

/** e^x to about 2e-7 of it, 0 below -87; x at most 88. Polynomial of Cephes' expf, after taking out powers of two. */
export function exp4(x: v128): v128 {
  const within = f32x4.pmax(f32x4.splat(-87.3), x)
  const powers = f32x4.nearest(f32x4.mul(within, f32x4.splat(1.44269504088896341)))
  let r = f32x4.sub(within, f32x4.mul(powers, f32x4.splat(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(powers, f32x4.splat(-2.1219444e-4)))
  let p = f32x4.splat(1.98756915e-4)
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1))
  const value = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1))
  const scale = i32x4.shl(i32x4.add(whole4(powers), i32x4.splat(127)), 23)
  const scaled = f32x4.mul(value, scale)
  return v128.and(scaled, f32x4.ge(x, f32x4.splat(-87.3)))
}

/** x * sigmoid(x) */
export function silu4(x: v128): v128 {
  const most = f32x4.pmin(f32x4.splat(88), f32x4.neg(x))
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp4(most)))
}

/** The whole numbers nearest to four numbers of up to 2^22, halves to even: behind 1.5 * 2^23, bits are units. */
function whole4(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, f32x4.splat(12582912)), i32x4.splat(0x4b400000))
}

/** Eight numbers times `inverse`, rounded to 16 bits. */
export function codes8(x: usize, inverse: v128): v128 {
  return narrow8(f32x4.mul(v128.load(x, 0), inverse), f32x4.mul(v128.load(x, 16), inverse))
}

/** Eight numbers of up to 2^22, rounded to 16 bits. */
export function narrow8(low: v128, high: v128): v128 {
  return i16x8.narrow_i32x4_s(whole4(low), whole4(high))
}

/** The largest of |x| [n], n a multiple of 16. */
function largest(x: usize, n: i32): f32 {
  let a = f32x4.splat(0)
  let b = a
  for (let i = 0; i < n; i += 16) {
    a = f32x4.pmax(f32x4.pmax(a, f32x4.abs(v128.load(x, 0))), f32x4.abs(v128.load(x, 16)))
    b = f32x4.pmax(f32x4.pmax(b, f32x4.abs(v128.load(x, 32))), f32x4.abs(v128.load(x, 48)))
    x += 64
  }
  a = f32x4.pmax(a, b)
  a = f32x4.pmax(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1))
  return max<f32>(f32x4.extract_lane(a, 0), f32x4.extract_lane(a, 1))
}

const LARGEST_CODE: f32 = 127

/**
 * Inputs x [tokens, columns] of a product as whole numbers from -127 to 127, each block with a unit of its own, as the engine's
 * kernels have them: in 8 bits for weights of 4, of each 32 the even ones before the odd ones; in 16 bits for weights of 8.
 */
export function quantise(s: Scratch, m: Matrix, x: usize, tokens: i32): void {
  const block = m.block
  const blocks = tokens * (m.columns / block)
  let to = s.codes
  for (let b = 0; b < blocks; b++) {
    const most = largest(x, block)
    const inverse = f32x4.splat(most > 0 ? LARGEST_CODE / most : 0)
    store<f32>(s.units + ((<usize>b) << 2), most / LARGEST_CODE)
    if (m.kind == Kind.bits4) {
      let sum = i32x4.splat(0)
      for (let i = 0; i < block; i += 32) {
        const first = i8x16.narrow_i16x8_s(codes8(x, inverse), codes8(x + 32, inverse))
        const second = i8x16.narrow_i16x8_s(codes8(x + 64, inverse), codes8(x + 96, inverse))
        v128.store(to, v128.shuffle<i8>(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), 0)
        v128.store(to, v128.shuffle<i8>(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), 16)
        sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(first)))
        sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(second)))
        x += 128
        to += 32
      }
      // Weights of 4 bits are 0 to 15 and mean -8 to 7.
      store<i32>(s.offsets + ((<usize>b) << 2), -8 * addWholeLanes(sum))
    } else {
      for (let i = 0; i < block; i += 8) {
        v128.store(to, codes8(x, inverse))
        x += 32
        to += 16
      }
    }
  }
}

/** `memory.copy` goes byte by byte in shared memory. */
export function copyFloats(to: usize, from: usize, count: i32): void {
  let i = 0
  for (; i + 4 <= count; i += 4) v128.store(to + ((<usize>i) << 2), v128.load(from + ((<usize>i) << 2)))
  for (; i < count; i++) store<f32>(to + ((<usize>i) << 2), load<f32>(from + ((<usize>i) << 2)))
}
