import { coloursFor } from '../../terminal/colours.ts'
import { inBytes, inPercent, inThousands } from '../../terminal/quantities.ts'
import { alignColumns } from '../../terminal/table.ts'
import type { Measurement } from './measure.ts'

export interface BenchReport {
  readonly url: string
  readonly rows: number
  /** Of one row, without what a driver adds. */
  readonly rowBytes: number
  readonly stream: string
  readonly batch: number
  readonly seconds: number
  readonly seed: number
  readonly budget?: number
  readonly measurements: readonly Measurement[]
  /** Whether it was stopped before all was measured. */
  readonly interrupted: boolean
}

export function printBench(report: BenchReport): string {
  const { rows, rowBytes, batch, stream, budget, measurements, interrupted } = report
  const isCached = measurements.some(({ hitRate }) => hitRate !== undefined)
  const head = ['', 'p50 ms', 'p95 ms', 'p99 ms', 'rows/s', 'bytes/s', 'calls', ...(isCached ? ['hits'] : [])]
  const lines = alignColumns(
    {
      head,
      rows: measurements.map(({ name, latency: { p50, p95, p99 }, rowsPerSecond, bytesPerSecond, calls, hitRate }) => [
        name,
        ...[p50, p95, p99].map((ms) => ms.toPrecision(3)),
        inThousands(rowsPerSecond),
        `${inBytes(bytesPerSecond)}/s`,
        inThousands(calls),
        ...(hitRate === undefined ? [] : [inPercent(hitRate)]),
      ]),
    },
    coloursFor(process.stdout).bold,
  )
  return [
    `${inThousands(rows)} rows of ${inBytes(rowBytes)}; batches of ${batch} different rows, ${stream}${budget === undefined ? '' : `; a cache of ${inBytes(budget)}`}`,
    ...lines,
    ...(interrupted ? ['stopped before all was measured'] : []),
    '',
  ].join('\n')
}
