/** Adam (Kingma and Ba, 2015) without decay, over a few small arrays. */
export interface Adam {
  /** Moves values against their gradients. `rates`: one for each array. */
  step(values: readonly Float32Array[], gradients: readonly Float32Array[], rates: readonly number[]): void
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8]

export function createAdam(sizes: readonly number[]): Adam {
  const moments = sizes.map((size) => new Float64Array(size))
  const squares = sizes.map((size) => new Float64Array(size))
  let t = 0
  return {
    step(values, gradients, rates) {
      t++
      const [first, second] = [1 - BETA1 ** t, 1 - BETA2 ** t]
      values.forEach((array, a) => {
        const [m, v, g, rate] = [moments[a]!, squares[a]!, gradients[a]!, rates[a]!]
        for (let i = 0; i < array.length; i++) {
          m[i] = BETA1 * m[i]! + (1 - BETA1) * g[i]!
          v[i] = BETA2 * v[i]! + (1 - BETA2) * g[i]! ** 2
          array[i]! -= (rate * (m[i]! / first)) / (Math.sqrt(v[i]! / second) + EPSILON)
        }
      })
    },
  }
}
