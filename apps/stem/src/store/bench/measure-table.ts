import { createRowCache, type RowTable } from '@stemkit/store'
import { measure, type Measurement } from './measure.ts'
import { nextBatch, type RowStream } from './row-streams.ts'

export interface BenchOptions {
  /** Different rows of a batch. */
  readonly batch: number
  /** For each kind of work. */
  readonly seconds: number
  readonly signal: AbortSignal
  readonly show: (text: string) => void
}

export interface ReadBenchOptions extends BenchOptions {
  /** The rows that batches ask for. */
  readonly stream: RowStream
  readonly random: () => number
  /** Bytes for a cache, which is measured as well then. */
  readonly budget: number | undefined
}

/** Bytes of a step of the sequential scan. */
const SCAN_BYTES = 4 * 2 ** 20

/** Reads a table in the ways that there are; yields what was measured of each, until the signal aborts. */
export async function* measureReads(table: RowTable, options: ReadBenchOptions): AsyncGenerator<Measurement> {
  const { batch, stream, random, signal, show, budget } = options
  const { rows, rowBytes } = table
  const common = { ...options, rowBytes }
  const cancel = { signal }
  const block = new Uint8Array(batch * rowBytes)
  const reading = (ids: Uint32Array, into = block.subarray(0, ids.length * rowBytes)) => ({
    rows: ids.length,
    call: () => table.read(ids, into, cancel),
  })

  show('reading batches')
  yield* found(await measure({ ...common, name: 'batch', next: () => reading(nextBatch(stream, batch)) }))

  show('reading single rows')
  const single = (): Uint32Array => Uint32Array.of(Math.floor(random() * rows))
  yield* found(await measure({ ...common, name: 'single row', next: () => reading(single()) }))

  show('reading in order')
  const step = Math.min(rows, Math.max(1, Math.floor(SCAN_BYTES / rowBytes)))
  const piece = new Uint8Array(step * rowBytes)
  let at = 0
  const inOrder = (): Uint32Array => {
    if (at + step > rows) at = 0
    const first = at
    at += step
    return Uint32Array.from({ length: step }, (_, i) => first + i)
  }
  yield* found(await measure({ ...common, name: 'scan', next: () => reading(inOrder(), piece) }))

  if (budget === undefined || signal.aborted) return
  show('reading through a cache')
  yield* found(await measureCached(table, { ...options, budget }))
}

/** Batches held in a cache, after a time in which it fills. */
async function measureCached(
  table: RowTable,
  options: ReadBenchOptions & { readonly budget: number },
): Promise<Measurement | undefined> {
  const { stream, batch, budget, seconds, signal } = options
  const { rowBytes } = table
  const cache = createRowCache({ source: table, budget })
  try {
    const next = () => {
      const ids = nextBatch(stream, batch)
      return { rows: ids.length, call: async () => (await cache.lease(ids, { signal })).release() }
    }
    const common = { name: 'cached batch', rowBytes, signal, next }
    await measure({ ...common, seconds: seconds / 2 })
    const before = cache.stats()
    const measured = await measure({ ...common, seconds })
    const { hits, misses } = cache.stats()
    const [hit, missed] = [hits - before.hits, misses - before.misses]
    return measured && { ...measured, hitRate: hit / (hit + missed) }
  } finally {
    await cache.dispose()
  }
}

/** Writes batches into a table that nobody needs, without and with making them durable as a version. */
export async function* measureWrites(
  table: RowTable,
  { stream, ...options }: BenchOptions & { readonly stream: RowStream },
): AsyncGenerator<Measurement> {
  const { batch, signal, show } = options
  const { rowBytes } = table
  const common = { ...options, rowBytes }
  const block = new Uint8Array(batch * rowBytes)
  const writing = (withSnapshot: boolean) => () => {
    const ids = nextBatch(stream, Math.min(batch, table.rows))
    block.fill(1 + Math.floor(255 * Math.random()))
    return {
      rows: ids.length,
      call: async () => {
        await table.write(ids, block.subarray(0, ids.length * rowBytes), { signal })
        if (withSnapshot) await table.snapshot({ signal })
      },
    }
  }
  show('writing')
  yield* found(await measure({ ...common, name: 'write', next: writing(false) }))
  if (signal.aborted) return
  show('writing and flushing')
  await table.snapshot({ signal })
  yield* found(await measure({ ...common, name: 'write + flush', next: writing(true) }))
}

const found = (measurement: Measurement | undefined): Measurement[] => (measurement === undefined ? [] : [measurement])
