import { Matrix, Scratch } from './structs'
import { addScaled, scalesAt, storeTile, unitsOf } from './tiles'

/** Two columns of each row side by side, times two inputs of 16 bits. */
export function oneOfBits8(s: Scratch, m: Matrix, t: i32, group: i32, tile: usize): void {
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
