import { lfu } from '../../../packages/store/src/cache/lfu.ts'
import { lru } from '../../../packages/store/src/cache/lru.ts'
import { wTinyLfu } from '../../../packages/store/src/cache/w-tiny-lfu.ts'
import { bestHitRate, hitRate } from './policy-simulation.ts'
import { describeMachine, type BenchmarkOptions, type Report, type Result } from './report.ts'
import { GPT2_VOCABULARY, tokenStreams } from './token-streams.ts'

const SEQUENCE = 256
const BATCH = 4
/** The cache holds one row in so many. */
const SHARES = [32, 16, 8, 4]
const ORDERS = ['in order', 'shuffled'] as const
const POLICIES = [lru, lfu, wTinyLfu]
const BELADY = 'belady (upper bound)'

/**
 * What share of the rows that a batch of 4 x 256 tokens needs is in the cache, by policy, on real token streams: read in
 * order, as a server meets a text, and with the sequences shuffled, as a trainer does.
 */
export async function run({ progress, quick = false, signal }: BenchmarkOptions): Promise<Report> {
  const results: Result[] = []
  const found = new Map<string, number[]>() // of all streams, by order, size and policy
  const add = (metric: string, value: number | null, unit = 'hit rate', target: Result['target'] = null): void =>
    void results.push({ metric, value, unit, target })

  for (const stream of quick ? tokenStreams.slice(0, 1) : tokenStreams) {
    const tokens = stream.read()
    if (!tokens) {
      progress(`${stream.name}: skipped, there is no shared/data/corpora/${stream.name} beside the repository`)
      add(stream.name, null)
      continue
    }
    for (const order of ORDERS) {
      signal?.throwIfAborted()
      const batches = batchesOf(quick ? tokens.subarray(0, 300_000) : tokens, order)
      const name = `${stream.name} ${order}`
      add(`${name} batches`, batches.length, 'batches')
      add(`${name} unique rows`, batches.reduce((sum, { length }) => sum + length, 0) / batches.length, 'rows a batch')
      for (const share of SHARES) {
        const slots = Math.floor(GPT2_VOCABULARY / share)
        const rates: [string, number][] = POLICIES.map((kind) => [
          kind.name,
          hitRate(kind, batches, slots, GPT2_VOCABULARY),
        ])
        rates.push([BELADY, bestHitRate(batches, slots, GPT2_VOCABULARY)])
        for (const [policy, rate] of rates) {
          add(`${name} 1/${share} ${policy}`, rate)
          const key = `${order} 1/${share} ${policy}`
          found.set(key, [...(found.get(key) ?? []), rate])
        }
        progress(`${name} 1/${share}: ${rates.map(([policy, rate]) => `${policy} ${rate.toFixed(4)}`).join(', ')}`)
        await new Promise(setImmediate)
      }
    }
  }

  for (const [key, rates] of found) add(`mean ${key}`, average(rates))
  const overall = ({ name }: { name: string }): number =>
    average([...found].flatMap(([key, rates]) => (key.endsWith(` ${name}`) ? rates : [])))
  add('default_over_lru', overall(wTinyLfu) - overall(lru), 'of hit rate', '>= 0')
  add('default_over_lfu', overall(wTinyLfu) - overall(lfu), 'of hit rate', '>= 0')
  return { benchmark: 'store-policies', machine: describeMachine(), results }
}

/** The distinct rows of each batch, ascending. */
function batchesOf(tokens: Uint32Array, order: (typeof ORDERS)[number]): Uint32Array[] {
  const sequences = Array.from({ length: Math.floor(tokens.length / SEQUENCE) }, (_, i) =>
    tokens.subarray(i * SEQUENCE, (i + 1) * SEQUENCE),
  )
  if (order === 'shuffled') shuffle(sequences)
  const batches: Uint32Array[] = []
  for (let first = 0; first + BATCH <= sequences.length; first += BATCH) {
    const ids = sequences.slice(first, first + BATCH).flatMap((sequence) => [...sequence])
    batches.push(Uint32Array.from(new Set(ids)).toSorted())
  }
  return batches
}

/** In place, always the same way. */
function shuffle(list: unknown[]): void {
  let state = 1
  for (let i = list.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const j = Math.floor((state / 2 ** 32) * (i + 1))
    ;[list[i], list[j]] = [list[j], list[i]]
  }
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
