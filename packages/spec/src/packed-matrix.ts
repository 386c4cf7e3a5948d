/** Version of this contract. */
export const PACKED_MATRIX_VERSION = 1

/** Bits of one packed weight. */
export type PackedBits = 4 | 8

/**
 * A matrix [N, K] in whole numbers of 4 or 8 bits, in blocks of `block` along K with one scale each:
 * `weight[n][k] = scale[n][k / block] * (q[n][k] - zero)`, zero being 8 (4 bits) or 128 (8 bits).
 * It lies as ONNX Runtime's MatMulNBits reads it.
 */
export interface PackedMatrix {
  /** [N, K]; `block` divides K. */
  readonly shape: readonly [number, number]
  readonly bits: PackedBits
  /** A power of two from 16 to 256. */
  readonly block: number
  /** [N, K / block, block * bits / 8]; of two 4-bit numbers in a byte, the first is the low half. */
  readonly data: Uint8Array
  /** [N, K / block] */
  readonly scales: Float32Array
}
