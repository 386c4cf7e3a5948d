import type { ModelConfig } from '@stemkit/spec/model-config'

/** The static expert of a token: ((id * 2654435761) mod 2^32) mod experts. With 2^k experts, a relabelling of id mod 2^k. */
export function hashExpert(id: number, experts: number): number {
  // imul multiplies modulo 2^32, where the plain product would lose bits beyond 2^53.
  return (Math.imul(id, 2654435761) >>> 0) % experts
}

/** The expert of every position [N], for `buildFeedForwards`: from the config's table if it has one, else by `hashExpert`. */
export function tokenExperts(config: ModelConfig, ids: Int32Array | Uint32Array): Int32Array {
  const { experts = 1, expertOfToken } = config
  return Int32Array.from(ids, (id) => expertOfToken?.[id] ?? hashExpert(id, experts))
}
