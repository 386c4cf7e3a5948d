import type { ModelConfig, NamedArray } from '@stemkit/model'

type Vector = number[]

/** Which row of a layer's table a position reads; by default that of its token. */
export type RowAt = (layer: number, position: number, row: Vector) => Vector

/** A decoder of plain numbers in 64 bits, written from the definition, one sequence at a time: dense and STEM layers. */
export function plainModel(config: ModelConfig, weights: ReadonlyMap<string, NamedArray>) {
  const { dim, heads, kvHeads, headDim, ropeTheta, normEps } = config
  const get = (name: string): NamedArray => weights.get(name)!
  const matrices = new Map<string, Vector[]>()
  const rowsOf = (name: string): Vector[] => {
    const { shape, data } = get(name)
    const [count, width] = shape as [number, number]
    const rows =
      matrices.get(name) ??
      Array.from({ length: count }, (_, i) => Array.from(data.subarray(i * width, (i + 1) * width)))
    matrices.set(name, rows)
    return rows
  }
  const row = (name: string, id: number): Vector => rowsOf(name)[id]!
  const times = (name: string, x: Vector): Vector => rowsOf(name).map((each) => dot(each, x))
  const norm = (name: string, x: Vector): Vector => {
    const scale = 1 / Math.sqrt(dot(x, x) / dim + normEps)
    return x.map((value, i) => value * scale * get(name).data[i]!)
  }
  const rotate = (x: Vector, position: number): Vector =>
    x.map((value, i) => {
      const pair = Math.floor((i % headDim) / 2)
      const angle = position * ropeTheta ** ((-2 * pair) / headDim)
      return i % 2 === 0
        ? value * Math.cos(angle) - x[i + 1]! * Math.sin(angle)
        : x[i - 1]! * Math.sin(angle) + value * Math.cos(angle)
    })

  const attend = (at: string, xs: Vector[]): Vector[] => {
    const q = xs.map((x, t) => rotate(times(`${at}.q_proj.weight`, x), t))
    const k = xs.map((x, t) => rotate(times(`${at}.k_proj.weight`, x), t))
    const v = xs.map((x) => times(`${at}.v_proj.weight`, x))
    return xs.map((_, t) => {
      const mixed = Array.from({ length: heads }, (_head, h) => {
        const part = (x: Vector, head: number): Vector => x.slice(head * headDim, (head + 1) * headDim)
        const shared = Math.floor(h / (heads / kvHeads))
        const scores = k.slice(0, t + 1).map((key) => dot(part(q[t]!, h), part(key, shared)) / Math.sqrt(headDim))
        const exps = scores.map((score) => Math.exp(score - Math.max(...scores)))
        const total = exps.reduce((a, b) => a + b)
        return part(v[0]!, shared).map((_value, i) =>
          exps.reduce((sum, each, s) => sum + (each / total) * part(v[s]!, shared)[i]!, 0),
        )
      })
      return times(`${at}.o_proj.weight`, mixed.flat())
    })
  }

  /** Logits [T][V], and by layer what stands in the place of the up-projection [T][w]. */
  return (ids: readonly number[], rowAt: RowAt = (_layer, _position, own) => own) => {
    const ups: Vector[][] = []
    let hs = ids.map((id) => row('model.embed_tokens.weight', id))
    config.feedForwards.forEach((kind, layer) => {
      const at = `model.layers.${layer}`
      const mixed = attend(
        `${at}.self_attn`,
        hs.map((h) => norm(`${at}.input_layernorm.weight`, h)),
      )
      hs = hs.map((h, t) => plus(h, mixed[t]!))
      const xs = hs.map((h) => norm(`${at}.post_attention_layernorm.weight`, h))
      const up = xs.map((x, t) =>
        kind === 'stem'
          ? rowAt(layer, t, row(`${at}.mlp.stem_table.weight`, ids[t]!))
          : times(`${at}.mlp.up_proj.weight`, x),
      )
      ups.push(up)
      hs = hs.map((h, t) => {
        const gate = times(`${at}.mlp.gate_proj.weight`, xs[t]!)
        const inner = gate.map((g, k) => (g / (1 + Math.exp(-g))) * up[t]![k]!)
        return plus(h, times(`${at}.mlp.down_proj.weight`, inner))
      })
    })
    return { logits: hs.map((h) => times('lm_head.weight', norm('model.norm.weight', h))), ups }
  }
}

function dot(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

const plus = (a: Vector, b: Vector): Vector => a.map((value, i) => value + b[i]!)

/** ln of the probability of `target` by these logits. */
export function logProbabilityOf(logits: Vector, target: number): number {
  const largest = Math.max(...logits)
  return logits[target]! - largest - Math.log(logits.reduce((sum, value) => sum + Math.exp(value - largest), 0))
}
