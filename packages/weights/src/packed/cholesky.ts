/**
 * The upper factor U of the inverse of a symmetric positive definite matrix: inverse(A) = U^T U; [K, K], row-major. Only the lower half
 * of `matrix` is read. Undefined where the matrix is not positive definite.
 */
export function inverseFactor(matrix: Float64Array, K: number): Float64Array | undefined {
  const lower = cholesky(matrix, K)
  if (lower === undefined) return undefined
  const inverse = inverseFromFactor(lower, K)
  const factor = cholesky(inverse, K)
  if (factor === undefined) return undefined
  const upper = new Float64Array(K * K)
  for (let i = 0; i < K; i++) for (let j = 0; j <= i; j++) upper[j * K + i] = factor[i * K + j]!
  return upper
}

/** L of A = L L^T. */
function cholesky(matrix: Float64Array, K: number): Float64Array | undefined {
  const lower = new Float64Array(K * K)
  for (let i = 0; i < K; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = matrix[i * K + j]! - dot(lower, i * K, lower, j * K, j)
      if (i !== j) lower[i * K + j] = rest / lower[j * K + j]!
      else if (rest > 0) lower[i * K + i] = Math.sqrt(rest)
      else return undefined
    }
  }
  return lower
}

/** The inverse of L L^T, its lower half. */
function inverseFromFactor(lower: Float64Array, K: number): Float64Array {
  // Row c: column c of the inverse of L, so that all products run along rows.
  const columns = new Float64Array(K * K)
  for (let c = 0; c < K; c++) {
    const at = c * K
    columns[at + c] = 1 / lower[c * K + c]!
    for (let i = c + 1; i < K; i++) {
      columns[at + i] = -dot(lower, i * K + c, columns, at + c, i - c) / lower[i * K + i]!
    }
  }
  const inverse = new Float64Array(K * K)
  for (let i = 0; i < K; i++) {
    for (let j = 0; j <= i; j++) inverse[i * K + j] = dot(columns, i * K + i, columns, j * K + i, K - i)
  }
  return inverse
}

function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += a[atA + i]! * b[atB + i]!
  return sum
}
