import { createHistogram } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'

/** One kind of work, done again and again. */
export interface Measurement {
  readonly name: string
  readonly calls: number
  readonly rows: number
  readonly bytes: number
  /** In calls; what lies between them is not counted. */
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
  /** Of one call, ms. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number }
  /** Share of rows that were in memory, where there is a cache. */
  readonly hitRate?: number
}

export interface Work {
  readonly name: string
  readonly rowBytes: number
  readonly seconds: number
  readonly signal: AbortSignal
  /** Makes ready what a call takes, uncounted, and returns the call and how many rows it moves. */
  readonly next: () => { readonly rows: number; readonly call: () => Promise<unknown> }
}

/** Calls one after the other for about `seconds`, at least once; those before an abort count. Undefined if there are none. */
export async function measure({ name, rowBytes, seconds, signal, next }: Work): Promise<Measurement | undefined> {
  const nanoseconds = createHistogram({ figures: 3 })
  const end = performance.now() + 1000 * seconds
  let [calls, rows, total] = [0, 0, 0]
  while (!signal.aborted && (calls === 0 || performance.now() < end)) {
    const { rows: count, call } = next()
    const began = process.hrtime.bigint()
    try {
      await call()
    } catch (error) {
      if (signal.aborted) break
      throw error
    }
    const taken = process.hrtime.bigint() - began
    nanoseconds.record(taken > 0n ? taken : 1n)
    calls++
    rows += count
    total += Number(taken) / 1e9
    // Where nothing waits for a medium, Ctrl-C would not be heard.
    await setImmediate()
  }
  if (calls === 0) return undefined
  const at = (share: number): number => nanoseconds.percentile(share) / 1e6
  return {
    name,
    calls,
    rows,
    bytes: rows * rowBytes,
    seconds: total,
    rowsPerSecond: rows / total,
    bytesPerSecond: (rows * rowBytes) / total,
    latency: { p50: at(50), p95: at(95), p99: at(99) },
  }
}
