import { StemkitError } from '@stemkit/spec/errors'
import { checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { RowDriver, RowLock, RowOptions } from '@stemkit/spec/row-driver'
import {
  belowCaches,
  newStamp,
  openLayers,
  putState,
  saveLayer,
  type Layer,
  type LayerState,
} from './layered-rows-layer.ts'
import { layeredMetas } from './layered-rows-metas.ts'
import { allSettled, layeredReading, type LayerStats } from './layered-rows-reading.ts'

export type { LayerStats } from './layered-rows-reading.ts'

export interface LayeredRowsOptions extends RowOptions {
  /** Nothing will be written: the layers above the base are caches of it and no more. */
  readonly readOnly?: boolean
  /**
   * What the base is, in a word that changes with its content: layers that were filled from another are emptied. Asked when
   * opened, and after changes to a base that is written. Default: the version of its meta `root`, which changes with every
   * snapshot of a table. Without either, the base has to stay as it is.
   */
  readonly id?: (options: RowOptions) => Promise<string>
}

export interface LayeredRows extends RowDriver {
  /** Of each layer since it was opened, in the order in which they were given. */
  stats(): readonly LayerStats[]
}

/**
 * Rows in layers, the quickest first and the base last: memory over a file over HTTP. A read takes each row from the first
 * layer that holds it, and copies it into those above. Layers never give up a row; a cache of rows with a budget is the
 * store's.
 *
 * Changes (rows, metas, size, lock) go to the lowest layer that can be written, for there they are as durable as they can
 * be here, and nothing below has to hear of them: to the base, if it can be written, which all above then follow; else to
 * the layer on it, which from then on holds changes of its own. Durability is that of this layer. Its metas lie over those
 * of a base that is only read.
 *
 * A layer that outlives its object keeps, in metas of its own, which rows it holds; saved by `flush`, and by `dispose` if
 * nothing was written since. It is emptied when it was last filled from another base (`id`), or was not flushed after rows
 * were written to the base. A layer with changes of its own is never emptied: over another base it is refused. While it is
 * open it is locked, so that nobody else fills it.
 *
 * All layers but the base must be writable, and be empty at first. The result owns the layers and disposes them; if this
 * rejects they stay open.
 * @throws bad-input for fewer than two layers or rows of different sizes; conflict for a layer that is in use, holds changes
 *   to another base, or a table of its own; corrupt
 */
export async function layeredRows(
  drivers: readonly RowDriver[],
  options: LayeredRowsOptions = {},
): Promise<LayeredRows> {
  const { readOnly = false, signal } = options
  const opening: RowOptions = signal === undefined ? {} : { signal }
  const base = baseOf(drivers)
  const { rowBytes } = base
  const idOf = options.id ?? (async (io: RowOptions) => (await base.meta?.get('root', io))?.version ?? '')
  let id = await idOf(opening)
  // Where changes go: to `home`, or to the base if there is none. All other layers above the base are caches.
  const { layers, home } = await openLayers(drivers.slice(0, -1), base, id, signal)
  const caches = layers.filter((layer) => layer !== home)
  const target = home?.driver ?? base
  const baseRows = base.rows
  const calls = rowCalls()
  let { rows } = target
  /** Changes of rows begun since it was opened, and how many of them are flushed. */
  let changes = 0
  let flushed = 0
  /** Since when, after a flush, the caches say that they may disagree with what is below. */
  let doubted: Promise<void> | undefined
  let keeping: Promise<void> | undefined
  let idIsOld = false
  let locked: RowLock | undefined

  // Rows that were added lie beyond the base.
  const { read, fill, stats } = layeredReading(
    layers,
    base,
    (layer, row) => layer.presence.has(row) || (layer === home && row >= baseRows),
  )

  const checkLocks = (): void => {
    for (const { lock } of layers) lock?.lost.throwIfAborted()
  }

  const tell = async (some: readonly Layer[], patch: Partial<LayerState>): Promise<void> => {
    for (const layer of some) {
      await putState(layer, patch)
      await layer.driver.flush?.()
    }
  }

  /** Whatever changes: once, the layer that holds changes has to say so. */
  const beforeChange = async (): Promise<void> => {
    idIsOld = true
    if (home === undefined || home.state.changed) return keeping
    keeping = tell([home], { changed: true }).catch((error: unknown) => {
      home.state = { ...home.state, changed: false }
      throw error
    })
    await keeping
  }

  const beforeRowsChange = async (): Promise<void> => {
    changes++
    await beforeChange()
    doubted ??= tell(caches, { clean: false }).catch((error: unknown) => {
      doubted = undefined
      throw error
    })
    await doubted
  }

  const write = async (ids: Uint32Array, from: Uint8Array, io: RowOptions): Promise<void> => {
    checkLocks()
    await beforeRowsChange()
    for (const layer of caches) layer.presence.remove(ids)
    await target.write!(ids, from, io)
    home?.presence.add(ids)
    await allSettled(caches.map((layer) => fill(layer, ids, from, io)))
  }

  const flush = async (io: RowOptions): Promise<void> => {
    checkLocks()
    const begun = changes
    if (home === undefined) await base.flush?.(io)
    else {
      const changed = begun > flushed
      await saveLayer(home, () => (changed ? { stamp: newStamp() } : {}), io)
    }
    if (home === undefined && idIsOld) {
      idIsOld = false
      id = await idOf(io).catch((error: unknown) => {
        idIsOld = true
        throw error
      })
    }
    const below = belowCaches(id, home)
    for (const layer of caches) {
      const settle = (): Partial<LayerState> => {
        if (begun !== changes) return {}
        doubted = undefined
        return { below, clean: true }
      }
      await saveLayer(layer, settle, io)
    }
    flushed = begun
  }

  const resize = async (wanted: number, io: RowOptions): Promise<void> => {
    if (!Number.isSafeInteger(wanted) || wanted < rows) {
      throw new StemkitError('bad-input', `layered rows: cannot resize ${rows} rows to ${wanted}`)
    }
    checkLocks()
    await beforeRowsChange()
    for (const driver of [target, ...caches.map((layer) => layer.driver)]) {
      if (driver.rows < wanted) await driver.resize!(wanted, io)
    }
    rows = wanted
  }

  const lockHere = async (io: RowOptions): Promise<RowLock> => {
    io.signal?.throwIfAborted()
    if (locked) throw new StemkitError('conflict', 'layered rows: these rows are already locked through this object')
    const lock: RowLock = {
      lost: home?.lock?.lost ?? new AbortController().signal,
      release: async () => {
        if (locked === lock) locked = undefined
      },
    }
    locked = lock
    return lock
  }

  const growable = [target, ...caches.map((layer) => layer.driver)].every((driver) => driver.resize !== undefined)
  const writing: Pick<RowDriver, 'write' | 'resize' | 'lock'> = {
    async write(ids, from, io = {}) {
      checkRows({ rows, rowBytes }, ids, from)
      await calls.run({ write: ids }, () => write(ids, from, io), io.signal)
    },
    ...(growable && {
      async resize(wanted, io = {}) {
        await calls.run({ all: 'around' }, () => resize(wanted, io), io.signal)
      },
    }),
    ...((home !== undefined || base.lock !== undefined) && {
      lock: async (io = {}) => calls.run({}, () => (home === undefined ? base.lock!(io) : lockHere(io)), io.signal),
    }),
  }

  const metas = layeredMetas({ layer: home?.driver.meta, base: base.meta, calls, beforeChange })
  let disposing: Promise<void> | undefined
  const dispose = async (): Promise<void> => {
    await calls.end()
    // What it holds is worth keeping, but no reason to fail.
    if (changes === flushed) await flush({}).catch(() => undefined)
    await allSettled(layers.map(async ({ lock }) => lock?.release()))
    await allSettled(drivers.map((driver) => driver.dispose()))
  }

  return {
    get rows() {
      return rows
    },
    rowBytes,
    durability: target.durability,
    where: drivers.map(({ where = 'memory' }) => where).join(' over '),
    async read(ids, into, io = {}) {
      checkRows({ rows, rowBytes }, ids, into)
      await calls.run({ read: ids }, () => (checkLocks(), read(ids, into, io)), io.signal)
    },
    ...(readOnly ? {} : writing),
    ...(metas && { meta: readOnly ? { get: metas.get } : metas }),
    flush: async (io = {}) => calls.run({ all: 'before' }, () => flush(io), io.signal),
    stats,
    dispose: async () => (disposing ??= dispose()),
  }
}

function baseOf(drivers: readonly RowDriver[]): RowDriver {
  const base = drivers.at(-1)
  if (base === undefined || drivers.length < 2) {
    throw new StemkitError('bad-input', `layered rows: ${drivers.length} layers, it takes two or more`)
  }
  const other = drivers.find(({ rowBytes }) => rowBytes !== base.rowBytes)
  if (other !== undefined) {
    throw new StemkitError(
      'bad-input',
      `layered rows: layers with rows of ${other.rowBytes} and ${base.rowBytes} bytes`,
    )
  }
  return base
}
