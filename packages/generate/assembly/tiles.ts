import { Scratch } from './structs'

export function unitsOf(s: Scratch, t: i32, blocks: i32): usize {
  return s.units + ((<usize>(t * blocks)) << 2)
}

/** Scales of four rows: of 16 bits, they are the upper halves of float32. */
export function scalesAt(at: usize, areShort: i32): v128 {
  return areShort ? i32x4.shl(v128.load16x4_u(at), 16) : v128.load(at)
}

export function addScaled(sum: v128, whole: v128, scales: v128, unit: v128): v128 {
  return f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(whole), f32x4.mul(scales, unit)))
}

export function storeTile(tile: usize, t: i32, low: v128, high: v128): void {
  v128.store(tile + ((<usize>t) << 5), low, 0)
  v128.store(tile + ((<usize>t) << 5), high, 16)
}
