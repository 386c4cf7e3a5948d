import type { ClientRecord } from './client.ts'

export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface LoadSummary {
  readonly clients: number
  readonly seconds: number
  readonly requests: number
  readonly tokens: number
  readonly tokensPerSecond: number
  /** Milliseconds. */
  readonly timeToFirstToken: Quantiles
  readonly interTokenLatency: Quantiles
  /** Tokens of the client that got most, over those of the one that got least. */
  readonly unfairness: number
  readonly errors: Readonly<Record<string, number>>
  /** MiB of the server: after the first fifth, at the end, and the most. */
  readonly memory: { readonly warm: number; readonly end: number; readonly most: number }
}

/** The value that a share `q` of all lie below; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

const quantilesOf = (values: readonly number[]): Quantiles => ({
  p50: quantile(values, 0.5),
  p95: quantile(values, 0.95),
  p99: quantile(values, 0.99),
})

/** `memory`: bytes of the server, from second to second. */
export function summarize(records: readonly ClientRecord[], seconds: number, memory: readonly number[]): LoadSummary {
  const tokens = records.map((record) => record.tokens)
  const total = tokens.reduce((sum, each) => sum + each, 0)
  const errors: Record<string, number> = {}
  for (const record of records) for (const [kind, n] of record.errors) errors[kind] = (errors[kind] ?? 0) + n
  const mebibytes = (bytes: number | undefined): number => Math.round((bytes ?? Number.NaN) / 2 ** 20)
  return {
    clients: records.length,
    seconds,
    requests: records.reduce((sum, { requests }) => sum + requests, 0),
    tokens: total,
    tokensPerSecond: total / seconds,
    timeToFirstToken: quantilesOf(records.flatMap(({ firstToken }) => firstToken)),
    interTokenLatency: quantilesOf(records.flatMap(({ between }) => between)),
    unfairness: Math.max(...tokens) / Math.min(...tokens),
    errors,
    memory: {
      warm: mebibytes(memory[Math.floor(memory.length / 5)]),
      end: mebibytes(memory.at(-1)),
      most: mebibytes(Math.max(...memory)),
    },
  }
}
