import { StemkitError } from '@stemkit/spec/errors'
import type { RowTable } from '@stemkit/store'
import { Command, InvalidArgumentError } from 'commander'
import { byteCount } from '../commands/byte-option.ts'
import { number, wholeNumber } from '../commands/number-option.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import { Interrupted } from '../terminal/exit.ts'
import type { Measurement } from './bench/measure.ts'
import { measureReads, measureWrites } from './bench/measure-table.ts'
import { printBench } from './bench/print-bench.ts'
import { randomNumbers, textRows, zipfRows, type RowStream } from './bench/row-streams.ts'
import { scratchTable } from './bench/scratch-table.ts'
import { withTable, type Common, type Context } from './context.ts'

interface BenchFlags extends Common {
  readonly batch?: number
  readonly seconds: number
  readonly seed: number
  readonly text?: readonly string[]
  readonly tokenizer?: string
  readonly budget?: number
  readonly write?: true | string
}

/** About as many different tokens as a batch of 4 x 256 has. */
const BATCH = 370

export function benchVerb(): Command {
  return new Command('bench')
    .description('measure how fast a table is read, and written with --write; changes nothing of it')
    .argument('<url>', 'the table')
    .option(
      '--batch <rows>',
      `different rows of a batch (default: ${BATCH}, or all of a smaller table)`,
      wholeNumber(1),
    )
    .option('--seconds <n>', 'how long each kind of work is measured', positive, 3)
    .option('--text <path...>', 'draw rows as the tokens of this text come (default: by the law of Zipf)')
    .option('--tokenizer <path>', 'with --text: tokenizer.json or its folder')
    .option('--budget <bytes>', 'measure a cache of this size over the table as well, as in 512MiB', byteCount)
    .option(
      '--write [url]',
      'measure writing as well: to a scratch table beside it, removed after, or a new one at a URL',
    )
    .option('--seed <n>', 'seed of what is drawn', wholeNumber(0), 0)
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (url: string, flags: BenchFlags) => {
      if ((flags.text === undefined) !== (flags.tokenizer === undefined)) {
        throw new StemkitError('bad-input', 'store bench: --text and --tokenizer go together')
      }
      await withTable(url, flags, async (table, context) => bench(url, table, flags, context))
    })
}

function positive(value: string): number {
  const parsed = number(value)
  if (!(parsed > 0 && Number.isFinite(parsed))) throw new InvalidArgumentError('It must be a number above 0.')
  return parsed
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
