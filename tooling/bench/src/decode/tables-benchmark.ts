import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { argmax, openTableRows, type Decoder, type TableRows } from '@stemkit/generate'
import { createRowStore, openRowTable, payloadBytes, type RowStore } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { describeMachine, type BenchmarkOptions, type Report, type Result, type Target } from '../report.ts'
import { interleave, medianRatio, type Timing } from '../timing.ts'
import { benchText, readOn } from './read-text.ts'
import { makeModel, openDecoder, tablesLayout } from './stemkit/model.ts'
import { TWINS } from './twin.ts'
import { makeTables } from './write-model.ts'

const config = TWINS.stem
const layout = tablesLayout(config)!
/** Tables are as many times the memory that rows are given. */
const TIMES_BUDGET = 8
const CONTEXT = 128
const BATCHES = [1, 16] as const
const text = benchText(config.vocabSize)

/**
 * Decoding with tables in a file, eight times the memory that their rows are given, against decoding with all of them in memory: 4-bit
 * weights, int8 rows, the tokens of a real text one after the other. And how a model begins whose rows have not been read.
 */
export async function run({ progress, quick = false, signal }: BenchmarkOptions): Promise<Report> {
  await using opened = new AsyncDisposableStack()
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), 'stemkit-bench-')), (path) => rm(path, { recursive: true }))
  const url = `file:${join(folder, 'rows')}`
  progress('making the tables')
  await makeTables(config, url, { signal })
  progress('packing the weights')
  const model = makeModel(config, 'q4')
  const decoder = opened.adopt(
    await openDecoder(model, { slots: BATCHES.at(-1)!, threads: availableParallelism() }),
    (each) => each.dispose(),
  )
  const prompt = text.first(CONTEXT)
  const first = await firstToken(decoder, url, prompt)

  const stored = await openStored(url)
  opened.defer(() => stored.rows.dispose())
  progress('warming the cache')
  await warmUp(stored.rows)
  const results: Result[] = []
  for (const batch of BATCHES) {
    for (let slot = 0; slot < batch; slot++) {
      await decoder.run([{ slot, start: 0, ids: prompt, asked: 'none', rows: model.rows }])
    }
    const steps = quick ? 8 : 64
    const texts = [text.readers(batch, 1), text.readers(batch, 2)] as const
    const before = stored.store.stats().cache!
    const times = await interleave(
      {
        resident: { run: () => readOn(decoder, { rows: model.rows, texts: texts[0], from: CONTEXT, steps }) },
        stored: { run: () => readOn(decoder, { rows: stored.rows, texts: texts[1], from: CONTEXT, steps }) },
      },
      { ...(quick ? { rounds: 2 } : {}), warmUp: quick ? 1 : 4, progress, ...(signal ? { signal } : {}) },
    )
    results.push(...speeds(batch, steps, times, hitRate(before, stored.store.stats().cache!)))
  }
  const bytes = config.vocabSize * payloadBytes(layout)
  return {
    benchmark: 'decode-tables',
    machine: describeMachine(),
    results: [
      ...results,
      result('tables', bytes, 'bytes'),
      result('budget', Math.ceil(bytes / TIMES_BUDGET), 'bytes'),
      result('first_token_stored', first.storedMs, 'ms'),
      result('first_token_resident', first.residentMs, 'ms'),
      result('first_token_bytes_read', first.bytesRead, 'bytes'),
      result('first_token_rows', first.rows, 'rows'),
    ],
  }
}

async function openStored(url: string): Promise<{ store: RowStore; rows: TableRows }> {
  const table = await openRowTable({ driver: await openFileRows(url, { readOnly: true }), mode: 'read' })
  const budget = Math.ceil((config.vocabSize * payloadBytes(layout)) / TIMES_BUDGET)
  const store = createRowStore({ table, budget })
  return { store, rows: openTableRows({ config, weights: new Map(), rows: store }) }
}

/** From a table that was opened just now: what a prompt reads of it, and how long it takes beside one with all rows there. */
async function firstToken(decoder: Decoder, url: string, prompt: Int32Array) {
  const { store, rows } = await openStored(url)
  const read = async (from?: TableRows): Promise<number> => {
    const start = performance.now()
    const [logits] = await decoder.run([{ slot: 0, start: 0, ids: prompt, asked: 'last', ...(from && { rows: from }) }])
    argmax(logits!)
    return performance.now() - start
  }
  await read()
  const residentMs = await read()
  const storedMs = await read(rows)
  const { bytesRead, rowsRead } = store.stats()
  await rows.dispose()
  return { residentMs, storedMs, bytesRead, rows: rowsRead }
}

/** Gathers the rows of many tokens, as a server that has run for a while has done. */
async function warmUp(rows: TableRows): Promise<void> {
  const [words] = text.readers(1, 0)
  for (let i = 0; i < 2000; i++) await rows.gather(Int32Array.from({ length: 16 }, () => words!.next().value as number))
}

interface Hits {
  readonly hits: number
  readonly misses: number
}

const hitRate = (before: Hits, after: Hits): number => {
  const hits = after.hits - before.hits
  return hits / (hits + after.misses - before.misses)
}

function speeds(batch: number, steps: number, times: Record<'resident' | 'stored', Timing>, hits: number): Result[] {
  const name = `b${batch}`
  return [
    result(`decode_stored_vs_resident_${name}`, medianRatio(times.resident, times.stored), 'times as fast', '>= 0.95'),
    result(`hit_rate_${name}`, hits, 'of rows'),
    result(`resident_${name}`, (1000 * batch * steps) / times.resident.median, 'tok/s'),
    result(`stored_${name}`, (1000 * batch * steps) / times.stored.median, 'tok/s'),
  ]
}

const result = (metric: string, value: number, unit: string, target: Target = null): Result => ({
  metric,
  value,
  unit,
  target,
})
