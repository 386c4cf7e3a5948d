import { StemkitError } from '@stemkit/spec/errors'
import type { RowTable } from '@stemkit/store'
import { Interrupted } from '../terminal/exit.ts'
import type { Measurement } from './bench/measure.ts'
import { measureReads, measureWrites } from './bench/measure-table.ts'
import { printBench } from './bench/print-bench.ts'
import { randomNumbers, textRows, zipfRows, type RowStream } from './bench/row-streams.ts'
import { scratchTable } from './bench/scratch-table.ts'
import { withTable, type Context } from './context.ts'
import { BATCH, type BenchFlags } from './verbs.ts'

/** Measures a table and prints how fast it is. */
export async function measureTable(url: string, flags: BenchFlags): Promise<void> {
  if ((flags.text === undefined) !== (flags.tokenizer === undefined)) {
    throw new StemkitError('bad-input', 'store bench: --text and --tokenizer go together')
  }
  await withTable(url, flags, async (table, context) => bench(url, table, flags, context))
}

async function bench(url: string, table: RowTable, flags: BenchFlags, context: Context): Promise<void> {
  const { seconds, seed, budget, write, json } = flags
  const { rows, rowBytes } = table
  const { signal, show } = context
  const batch = flags.batch ?? Math.min(BATCH, rows)
  if (rows === 0 || batch > rows) {
    throw new StemkitError('bad-input', `store bench: batches of ${batch} rows of a table that has ${rows}; give fewer`)
  }
  const random = randomNumbers(seed)
  const stream = await streamOf(flags, rows, random, context)
  const options = { batch, seconds, signal, show }
  const measurements: Measurement[] = []
  for await (const each of measureReads(table, { ...options, stream, random, budget })) measurements.push(each)
  if (write !== undefined && !signal.aborted) {
    const place = write === true ? undefined : write
    const scratch = await scratchTable(context, { url, place, like: table, batch })
    try {
      const rowsOfScratch = zipfRows(scratch.table.rows, random)
      for await (const each of measureWrites(scratch.table, { ...options, stream: rowsOfScratch })) {
        measurements.push(each)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await scratch.dispose()
    }
  }
  const report = {
    url,
    rows,
    rowBytes,
    stream: stream.name,
    batch,
    seconds,
    seed,
    ...(budget !== undefined && { budget }),
    measurements,
    interrupted: signal.aborted,
  }
  show('')
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : printBench(report))
  if (signal.aborted) throw new Interrupted()
}

async function streamOf(
  { text, tokenizer }: BenchFlags,
  rows: number,
  random: () => number,
  { signal, show }: Context,
): Promise<RowStream> {
  if (text === undefined || tokenizer === undefined) return zipfRows(rows, random)
  show('reading text')
  return textRows({ text, tokenizer, rows, signal })
}
