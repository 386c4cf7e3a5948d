import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyEdit, editStack, planEdit } from '@stemkit/edit'
import { overlayRows, sourceRows, type Decoder, type TableRows } from '@stemkit/generate'
import { createModelConfig } from '@stemkit/model'
import { createRowStore, openRowTable, payloadBytes, type RowStore, type RowTable } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { describeMachine, type BenchmarkOptions, type Report, type Result, type Target } from '../report.ts'
import { interleave, medianRatio, type Timing } from '../timing.ts'
import { benchText, readOn } from './read-text.ts'
import { makeModel, openDecoder, tablesLayout } from './stemkit/model.ts'
import { makeTables } from './write-model.ts'

/** The shape of the STEM twin with a smaller vocabulary: that the tables are large is not what is measured. */
const config = createModelConfig({
  layers: 24,
  dim: 1024,
  heads: 16,
  ffnHidden: 2816,
  vocabSize: 8000,
  maxLength: 512,
  kind: 'stem',
  placement: 'full',
})
const layout = tablesLayout(config)!
const EDITS = 1000
const CONTEXT = 128
const BATCHES = [1, 16] as const
/** What a server gives to rows that edits changed. */
const EDITS_BUDGET = 64 * 2 ** 20
/** Rows of the table in memory: an eighth of them, or all. */
const MEDIA = { file: 1 / 8, memory: 1.1 } as const
const text = benchText(config.vocabSize)

/**
 * Decoding with 1,000 applied edits against none, the rows of a real text's tokens: the edits are of the tokens that it has
 * most. Tables in a file with an eighth of that as memory, and with all of them in memory; weights of 4 bits, rows of 8.
 */
export async function run(options: BenchmarkOptions): Promise<Report> {
  const { progress, quick = false, signal } = options
  await using opened = new AsyncDisposableStack()
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), 'stemkit-bench-')), (path) => rm(path, { recursive: true }))
  const [plain, edited] = ['plain', 'edited'].map((name) => `file:${join(folder, name)}`) as [string, string]
  progress('making the tables')
  for (const url of [plain, edited]) await makeTables(config, url, { signal })
  const edits = quick ? 20 : EDITS
  const applying = await applyEdits(edited, edits, progress)
  const decoder = opened.adopt(
    await openDecoder(makeModel(config, 'q4'), { slots: BATCHES.at(-1)!, threads: availableParallelism() }),
    (each) => each.dispose(),
  )
  const results: Result[] = []
  let opening = Number.NaN
  for (const [medium, share] of Object.entries(MEDIA)) {
    const none = await openSide(plain, share)
    const started = performance.now()
    const many = await openSide(edited, share)
    opening = performance.now() - started
    try {
      for (const batch of BATCHES) {
        progress(`${medium}, batch ${batch}`)
        const times = await compare(decoder, { none: none.rows, many: many.rows }, batch, options)
        results.push(...speeds(`${medium}_b${batch}`, batch, quick ? 8 : 64, times))
      }
    } finally {
      await none.dispose()
      await many.dispose()
    }
  }
  const [first] = results
  return {
    benchmark: 'decode-edits',
    machine: describeMachine(),
    results: [
      { ...first!, metric: 'decode_with_1000_edits_vs_none' },
      ...results.slice(1),
      result('edits', edits, 'edits'),
      result('apply', applying / edits, 'ms per edit'),
      result('open', opening, 'ms'),
    ],
  }
}

/** One token each gets the row of another: first those that the text has most. Returns the milliseconds. */
async function applyEdits(url: string, count: number, progress: (line: string) => void): Promise<number> {
  const uses = new Map<number, number>()
  for (const id of text.ids) uses.set(id, (uses.get(id) ?? 0) + 1)
  const tokens = [...uses].toSorted(([, a], [, b]) => b - a).map(([id]) => id)
  const table = await openRowTable({ driver: await openFileRows(url), mode: 'write' })
  const started = performance.now()
  for (let i = 0; i < count; i++) {
    const edit = { name: `edit-${i}`, source: [tokens[i]!], target: [tokens[tokens.length - 1 - i]!] }
    await applyEdit({ table }, planEdit(edit, { table }))
    if (i % 100 === 99) progress(`applied ${i + 1} edits`)
  }
  const took = performance.now() - started
  await table.dispose()
  return took
}

interface Opened {
  readonly rows: TableRows
  dispose(): Promise<void>
}

/** Rows as a server reads them: through the memory of the table, everybody's edits over it. */
async function openSide(url: string, share: number): Promise<Opened> {
  const open = async (): Promise<RowTable> =>
    openRowTable({ driver: await openFileRows(url, { readOnly: true }), mode: 'read' })
  const table = await open()
  const budget = Math.ceil(share * config.vocabSize * (payloadBytes(layout) + 1024))
  const base: RowStore = createRowStore({ table: await open(), budget })
  const source = await overlayRows(table, editStack({ table }), { base, budget: EDITS_BUDGET })
  return {
    rows: sourceRows({ config }, source),
    async dispose() {
      await source.dispose()
      await base.dispose()
      await table.dispose()
    },
  }
}

type Sides<T> = Record<'none' | 'many', T>

/** The same text on both sides, each with a memory of its own. */
async function compare(
  decoder: Decoder,
  sides: Sides<TableRows>,
  batch: number,
  { progress, quick = false, signal }: BenchmarkOptions,
): Promise<Sides<Timing>> {
  const steps = quick ? 8 : 64
  const side = (rows: TableRows) => {
    const texts = text.readers(batch, 1)
    return { run: () => readOn(decoder, { rows, texts, from: CONTEXT, steps }) }
  }
  for (const rows of Object.values(sides)) {
    await warmUp(rows)
    for (let slot = 0; slot < batch; slot++) {
      await decoder.run([{ slot, start: 0, ids: text.first(CONTEXT), asked: 'none', rows }])
    }
  }
  return interleave(
    { none: side(sides.none), many: side(sides.many) },
    { rounds: quick ? 2 : 11, warmUp: quick ? 1 : 4, progress, ...(signal ? { signal } : {}) },
  )
}

/** Gathers the rows of many tokens, as a server that has run for a while has done. */
async function warmUp(rows: TableRows): Promise<void> {
  const [words] = text.readers(1, 0)
  for (let i = 0; i < 1000; i++) await rows.gather(Int32Array.from({ length: 16 }, () => words!.next().value as number))
}

function speeds(name: string, batch: number, steps: number, { none, many }: Sides<Timing>): Result[] {
  const speed = ({ median }: Timing): number => (1000 * batch * steps) / median
  return [
    result(`edits_vs_none_${name}`, medianRatio(none, many), 'times as fast', '>= 0.97'),
    result(`none_${name}`, speed(none), 'tok/s'),
    result(`edits_${name}`, speed(many), 'tok/s'),
  ]
}

const result = (metric: string, value: number, unit: string, target: Target = null): Result => ({
  metric,
  value,
  unit,
  target,
})
