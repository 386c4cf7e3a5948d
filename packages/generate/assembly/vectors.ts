import { Matrix, Scratch, Kind } from './structs'

/** x [n] times 1 / sqrt(mean of squares + epsilon) times gain [n], n a multiple of 4 or not. */
export function normalise(to: usize, x: usize, gain: usize, n: i32, epsilon: f32): void {
  let squares = f32x4.splat(0)
  let rest: f32 = 0
  const whole = n & ~3
  for (let i = 0; i < whole; i += 4) {
    const each = v128.load(x + ((<usize>i) << 2))
    squares = f32x4.add(squares, f32x4.mul(each, each))
  }
  for (let i = whole; i < n; i++) rest += load<f32>(x + ((<usize>i) << 2)) * load<f32>(x + ((<usize>i) << 2))
  const scale: f32 = <f32>(1.0 / Math.sqrt(<f64>((addLanes(squares) + rest) / <f32>n + epsilon)))
  const scales = f32x4.splat(scale)
  for (let i = 0; i < whole; i += 4) {
    const at = (<usize>i) << 2
    v128.store(to + at, f32x4.mul(f32x4.mul(v128.load(x + at), scales), v128.load(gain + at)))
  }
  for (let i = whole; i < n; i++) {
    const at = (<usize>i) << 2
    store<f32>(to + at, load<f32>(x + at) * scale * load<f32>(gain + at))
  }
}

export function addLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 2) + (f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 3))
}

export function addWholeLanes(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}

/** e^x to about 2e-7 of it, 0 below -87; x at most 88. Polynomial of Cephes' expf, after taking out powers of two. */
export function exp4(x: v128): v128 {
  const within = f32x4.max(x, f32x4.splat(-87.3))
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
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(powers), i32x4.splat(127)), 23)
  const scaled = f32x4.mul(value, scale)
  return v128.and(scaled, f32x4.ge(x, f32x4.splat(-87.3)))
}

/** x * sigmoid(x) */
export function silu4(x: v128): v128 {
  const most = f32x4.min(f32x4.neg(x), f32x4.splat(88))
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp4(most)))
}

/** Codes of 4 x 4 numbers, narrowed to 16 bits: two vectors' worth. */
function codes8(x: usize, inverse: v128): v128 {
  return i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 0), inverse))),
    i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 16), inverse))),
  )
}

function largest(x: usize, n: i32): f32 {
  let most = f32x4.splat(0)
  for (let i = 0; i < n; i += 4) most = f32x4.max(most, f32x4.abs(v128.load(x + ((<usize>i) << 2))))
  return max<f32>(
    max<f32>(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max<f32>(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
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
