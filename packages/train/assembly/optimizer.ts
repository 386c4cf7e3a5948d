// The optimiser's inner loops, in AssemblyScript. There is no allocator: every array is a byte offset into the imported
// memory. Each exported kernel works on items [begin, end) of its arrays, so that threads can share the work; an item is
// a float, or for the `Rows` kernels a row. Offsets are added as `base + (index << 2)`, never compared as ends, because
// the end of a 4 GB memory is 0.

/** Floats summed in 32 bits before their sum is added to one in 64 bits. */
const FLUSH: usize = 4096

/**
 * AdamW over `n` floats, in one pass: with g' = g * gradScale
 *   p -= decay * p;  m = beta1 * m + rest1 * g';  v = beta2 * v + rest2 * g'^2
 *   p -= (stepSize * m) / (sqrt(v) * rootScale + epsilon)
 * Vectors and the scalar tail do the same operations in the same order, so a value does not depend on where it lies.
 * Not unrolled: the divider, which square root and division share, is the limit (9 cycles for 4 floats on Zen 4).
 */
function adamwSpan(
  p: usize,
  m: usize,
  v: usize,
  g: usize,
  n: usize,
  gradScale: f32,
  decay: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  stepSize: f32,
  rootScale: f32,
  epsilon: f32,
): void {
  const gradScale4 = f32x4.splat(gradScale)
  const decay4 = f32x4.splat(decay)
  const beta14 = f32x4.splat(beta1)
  const rest14 = f32x4.splat(rest1)
  const beta24 = f32x4.splat(beta2)
  const rest24 = f32x4.splat(rest2)
  const stepSize4 = f32x4.splat(stepSize)
  const rootScale4 = f32x4.splat(rootScale)
  const epsilon4 = f32x4.splat(epsilon)
  let i: usize = 0
  for (; i + 4 <= n; i += 4) {
    const at = i << 2
    const gs = f32x4.mul(v128.load(g + at), gradScale4)
    const p0 = v128.load(p + at)
    const m1 = f32x4.add(f32x4.mul(beta14, v128.load(m + at)), f32x4.mul(rest14, gs))
    const v1 = f32x4.add(f32x4.mul(beta24, v128.load(v + at)), f32x4.mul(f32x4.mul(rest24, gs), gs))
    const step = f32x4.div(f32x4.mul(stepSize4, m1), f32x4.add(f32x4.mul(f32x4.sqrt(v1), rootScale4), epsilon4))
    v128.store(m + at, m1)
    v128.store(v + at, v1)
    v128.store(p + at, f32x4.sub(f32x4.sub(p0, f32x4.mul(decay4, p0)), step))
  }
  for (; i < n; i++) {
    const at = i << 2
    const gs = load<f32>(g + at) * gradScale
    const p0 = load<f32>(p + at)
    const m1 = beta1 * load<f32>(m + at) + rest1 * gs
    const v1 = beta2 * load<f32>(v + at) + rest2 * gs * gs
    const step = (stepSize * m1) / (sqrt<f32>(v1) * rootScale + epsilon)
    store<f32>(m + at, m1)
    store<f32>(v + at, v1)
    store<f32>(p + at, p0 - decay * p0 - step)
  }
}

/** Arrays of floats: p, m, v, g [n]. */
export function adamw(
  begin: usize,
  end: usize,
  p: usize,
  m: usize,
  v: usize,
  g: usize,
  gradScale: f32,
  decay: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  stepSize: f32,
  rootScale: f32,
  epsilon: f32,
): void {
  const at = begin << 2
  adamwSpan(
    p + at,
    m + at,
    v + at,
    g + at,
    end - begin,
    gradScale,
    decay,
    beta1,
    rest1,
    beta2,
    rest2,
    stepSize,
    rootScale,
    epsilon,
  )
}

/**
 * Rows `ids` [U] of tables p, m, v, which begin `stride` floats apart and have [layers, width] floats each; gradients in a
 * block per layer, g [layers, U, width].
 */
export function adamwRows(
  begin: usize,
  end: usize,
  p: usize,
  m: usize,
  v: usize,
  g: usize,
  gradScale: f32,
  decay: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  stepSize: f32,
  rootScale: f32,
  epsilon: f32,
  ids: usize,
  count: usize,
  layers: usize,
  width: usize,
  stride: usize,
): void {
  for (let u = begin; u < end; u++) {
    const row = <usize>load<u32>(ids + (u << 2)) * stride
    for (let l: usize = 0; l < layers; l++) {
      const at = (row + l * width) << 2
      adamwSpan(
        p + at,
        m + at,
        v + at,
        g + (((l * count + u) * width) << 2),
        width,
        gradScale,
        decay,
        beta1,
        rest1,
        beta2,
        rest2,
        stepSize,
        rootScale,
        epsilon,
      )
    }
  }
}

/**
 * Row-wise Adagrad on rows `ids` [U] of table p, which begin `stride` floats apart and have [layers, width] floats each.
 * A row has one number s for each layer, [layers], `sumStride` floats from row to row; gradients g [layers, U, width].
 * With g' = g * gradScale
 *   s += mean(g'^2);  p -= learningRate / (sqrt(s) + epsilon) * g'
 * The mean is added up and the factor computed in 64 bits.
 */
export function rowwiseAdagrad(
  begin: usize,
  end: usize,
  p: usize,
  s: usize,
  g: usize,
  gradScale: f64,
  learningRate: f64,
  epsilon: f64,
  sumStride: usize,
  ids: usize,
  count: usize,
  layers: usize,
  width: usize,
  stride: usize,
): void {
  const meanScale = (gradScale * gradScale) / <f64>width
  for (let u = begin; u < end; u++) {
    const id = <usize>load<u32>(ids + (u << 2))
    for (let l: usize = 0; l < layers; l++) {
      const gradient = g + (((l * count + u) * width) << 2)
      const at = s + ((id * sumStride + l) << 2)
      const sum = <f32>(<f64>load<f32>(at) + sumOfSquares(0, width, gradient) * meanScale)
      store<f32>(at, sum)
      const factor = (learningRate * gradScale) / (Math.sqrt(<f64>sum) + epsilon)
      subtractScaled(p + ((id * stride + l * width) << 2), gradient, width, <f32>factor)
    }
  }
}

/** p -= factor * g, over `n` floats. */
function subtractScaled(p: usize, g: usize, n: usize, factor: f32): void {
  const factor4 = f32x4.splat(factor)
  let i: usize = 0
  for (; i + 4 <= n; i += 4) {
    const at = i << 2
    v128.store(p + at, f32x4.sub(v128.load(p + at), f32x4.mul(factor4, v128.load(g + at))))
  }
  for (; i < n; i++) {
    const at = i << 2
    store<f32>(p + at, load<f32>(p + at) - factor * load<f32>(g + at))
  }
}

/** Rows `ids` [U] of a table, which begin `stride` floats apart, into block [layers, U, width]. */
export function gatherRows(
  begin: usize,
  end: usize,
  table: usize,
  block: usize,
  ids: usize,
  count: usize,
  layers: usize,
  width: usize,
  stride: usize,
): void {
  for (let u = begin; u < end; u++) {
    const row = <usize>load<u32>(ids + (u << 2)) * stride
    for (let l: usize = 0; l < layers; l++) {
      memory.copy(block + (((l * count + u) * width) << 2), table + ((row + l * width) << 2), width << 2)
    }
  }
}

/** The opposite of `gatherRows`. */
export function scatterRows(
  begin: usize,
  end: usize,
  table: usize,
  block: usize,
  ids: usize,
  count: usize,
  layers: usize,
  width: usize,
  stride: usize,
): void {
  for (let u = begin; u < end; u++) {
    const row = <usize>load<u32>(ids + (u << 2)) * stride
    for (let l: usize = 0; l < layers; l++) {
      memory.copy(table + ((row + l * width) << 2), block + (((l * count + u) * width) << 2), width << 2)
    }
  }
}

/**
 * Rows of `into` [rows, width], each the sum of the rows of x [N, width] that belong to it, in this order:
 *   into[r] = (keep ? into[r] : 0) + x[positions[starts[r]]] + ... + x[positions[starts[r + 1] - 1]]
 */
export function sumRows(
  begin: usize,
  end: usize,
  into: usize,
  x: usize,
  starts: usize,
  positions: usize,
  width: usize,
  keep: u32,
): void {
  for (let r = begin; r < end; r++) {
    const row = into + ((r * width) << 2)
    let i: usize = <usize>load<u32>(starts + (r << 2))
    const stop: usize = <usize>load<u32>(starts + ((r + 1) << 2))
    if (!keep) {
      if (i === stop) memory.fill(row, 0, width << 2)
      else memory.copy(row, rowAt(x, positions, i++, width), width << 2)
    }
    // Three at a time, so that the sum is loaded and stored less often.
    for (; i + 3 <= stop; i += 3) {
      addThree(
        row,
        rowAt(x, positions, i, width),
        rowAt(x, positions, i + 1, width),
        rowAt(x, positions, i + 2, width),
        width,
      )
    }
    for (; i < stop; i++) addInto(0, width, row, rowAt(x, positions, i, width))
  }
}

function rowAt(x: usize, positions: usize, i: usize, width: usize): usize {
  return x + ((<usize>load<u32>(positions + (i << 2)) * width) << 2)
}

/** into = ((into + a) + b) + c, over `n` floats. */
function addThree(into: usize, a: usize, b: usize, c: usize, n: usize): void {
  let i: usize = 0
  for (; i + 4 <= n; i += 4) {
    const at = i << 2
    const sum = f32x4.add(f32x4.add(v128.load(into + at), v128.load(a + at)), v128.load(b + at))
    v128.store(into + at, f32x4.add(sum, v128.load(c + at)))
  }
  for (; i < n; i++) {
    const at = i << 2
    store<f32>(into + at, load<f32>(into + at) + load<f32>(a + at) + load<f32>(b + at) + load<f32>(c + at))
  }
}

/** Sum of x^2 over [begin, end): 16 sums in 32 bits, added to one in 64 bits every FLUSH floats. */
export function sumOfSquares(begin: usize, end: usize, x: usize): f64 {
  let total: f64 = 0
  let i = begin
  while (i + 16 <= end) {
    const stop = min(i + FLUSH, end)
    let a = f32x4.splat(0)
    let b = f32x4.splat(0)
    let c = f32x4.splat(0)
    let d = f32x4.splat(0)
    for (; i + 16 <= stop; i += 16) {
      const at = x + (i << 2)
      const x0 = v128.load(at)
      const x1 = v128.load(at, 16)
      const x2 = v128.load(at, 32)
      const x3 = v128.load(at, 48)
      a = f32x4.add(a, f32x4.mul(x0, x0))
      b = f32x4.add(b, f32x4.mul(x1, x1))
      c = f32x4.add(c, f32x4.mul(x2, x2))
      d = f32x4.add(d, f32x4.mul(x3, x3))
    }
    total += lanes(a) + lanes(b) + lanes(c) + lanes(d)
  }
  for (; i < end; i++) {
    const y = <f64>load<f32>(x + (i << 2))
    total += y * y
  }
  return total
}

function lanes(x: v128): f64 {
  return (
    <f64>f32x4.extract_lane(x, 0) +
    <f64>f32x4.extract_lane(x, 1) +
    <f64>f32x4.extract_lane(x, 2) +
    <f64>f32x4.extract_lane(x, 3)
  )
}

/** into += x */
export function addInto(begin: usize, end: usize, into: usize, x: usize): void {
  let i = begin
  for (; i + 4 <= end; i += 4) {
    const at = i << 2
    v128.store(into + at, f32x4.add(v128.load(into + at), v128.load(x + at)))
  }
  for (; i < end; i++) {
    const at = i << 2
    store<f32>(into + at, load<f32>(into + at) + load<f32>(x + at))
  }
}

/** x *= factor */
export function scale(begin: usize, end: usize, x: usize, factor: f32): void {
  const factor4 = f32x4.splat(factor)
  let i = begin
  for (; i + 4 <= end; i += 4) {
    const at = x + (i << 2)
    v128.store(at, f32x4.mul(v128.load(at), factor4))
  }
  for (; i < end; i++) {
    const at = x + (i << 2)
    store<f32>(at, load<f32>(at) * factor)
  }
}

/** x = 0 */
export function zero(begin: usize, end: usize, x: usize): void {
  memory.fill(x + (begin << 2), 0, (end - begin) << 2)
}
