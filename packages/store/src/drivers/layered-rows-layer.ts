import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowLock, RowOptions } from '@stemkit/spec/row-driver'
import { decodeText, encodeText } from '../table/root.ts'
import { createPresence, pagesOf, type Presence } from './layered-rows-presence.ts'

/** What a layer says about itself, in its meta `layer`. */
export interface LayerState {
  /** Bitmaps of another generation count for nothing: a new one empties the layer at once. */
  readonly generation: number
  /** Rows of the base. */
  readonly baseRows: number
  /** What lies below, as the layer knew it when it was saved. */
  readonly below: string
  /** Whether it agrees with what lies below. Not while rows are written, until they are flushed everywhere. */
  readonly clean: boolean
  /** Whether there are rows or metas in it that nobody below has. */
  readonly changed: boolean
  /** New with each flush of changes of its own, so that layers above know them. */
  readonly stamp: string
}

/** A layer above the base. */
export interface Layer {
  readonly driver: RowDriver & Required<Pick<RowDriver, 'write'>>
  readonly presence: Presence
  /** Undefined for a layer that outlives nothing: it has nothing to say later. */
  readonly kept: RowDriver['meta']
  /** Held while it is open: two who fill it from different bases would mix them. */
  readonly lock: RowLock | undefined
  state: LayerState
  /** The state that is surely in its metas. */
  said: LayerState | undefined
}

interface OpenLayerOptions {
  readonly rows: number
  readonly baseRows: number
  readonly below: string
  /** Whether changes are kept in this layer. */
  readonly home: boolean
  readonly signal?: AbortSignal | undefined
}

const HEAD = 'stemkit-layer 1'
const STATE = 'layer'
const pageName = (page: number): string => `layer.held.${page}`

/**
 * What a layer has kept, if what lies below is what it was then; else an empty layer.
 * @throws conflict for a layer in use, one that is no layer, and one with changes to something else than is below now
 */
async function openLayer(driver: RowDriver, options: OpenLayerOptions): Promise<Layer> {
  const { signal } = options
  if (driver.write === undefined) {
    throw new StemkitError('bad-input', 'layered rows: a layer above the base is read-only, it could not be filled')
  }
  const writable = driver as Layer['driver']
  const keeps = driver.durability !== 'none' && driver.meta?.put !== undefined
  const lock = keeps ? await driver.lock?.(signal === undefined ? {} : { signal }) : undefined
  try {
    const layer: Layer = {
      driver: writable,
      presence: createPresence(),
      kept: keeps ? driver.meta : undefined,
      lock,
      state: freshState(options),
      said: undefined,
    }
    await restore(layer, options)
    await growTo(layer, options)
    return layer
  } catch (error) {
    await lock?.release()
    throw error
  }
}

/** Makes its state that which was saved, if it still holds; else says that it is empty, before anything is put into it. */
async function restore(layer: Layer, options: OpenLayerOptions): Promise<void> {
  const { kept, driver, presence } = layer
  if (kept === undefined) return
  const { signal } = options
  const io: RowOptions = signal === undefined ? {} : { signal }
  const saved = await savedState(kept, io)
  const { baseRows, below } = options
  if (saved?.changed === true) {
    const same = options.home && saved.below === below && saved.baseRows === baseRows
    if (!same) {
      throw new StemkitError(
        'conflict',
        'layered rows: a layer holds changes to another base than this one; open it over that, or begin with an empty layer',
      )
    }
  }
  const holds = saved !== undefined && saved.clean && saved.below === below && saved.baseRows === baseRows
  if (!holds) {
    await putState(layer, {}, io)
    await driver.flush?.(io)
    return
  }
  layer.state = layer.said = saved
  for (let page = 0; page < pagesOf(driver.rows); page++) {
    const bits = await kept.get(pageName(page), io)
    if (bits !== undefined) presence.load(page, bits.bytes, saved.generation)
  }
}

async function savedState(kept: NonNullable<Layer['kept']>, io: RowOptions): Promise<LayerState | undefined> {
  const meta = await kept.get(STATE, io)
  if (meta === undefined) {
    if ((await kept.get('root', io)) === undefined) return undefined
    throw new StemkitError(
      'conflict',
      'layered rows: a table was given as a layer above the base, it would be overwritten',
    )
  }
  const decoded = decodeText(meta.bytes)
  if (decoded === undefined)
    throw new StemkitError('corrupt', 'layered rows: the state of a layer is damaged; begin with an empty layer')
  if (decoded.head === HEAD) return decoded.value as LayerState
  throw new StemkitError('unsupported', `layered rows: a layer of format '${decoded.head}', this build knows '${HEAD}'`)
}

/** A layer has as many rows as what lies below; more do no harm in a cache, where they are never held. */
async function growTo({ driver, state }: Layer, { rows, home, signal }: OpenLayerOptions): Promise<void> {
  const added = driver.rows - rows
  if (added === 0 || (added > 0 && (!home || state.changed))) return
  if (added > 0 || driver.resize === undefined) {
    throw new StemkitError(
      'bad-input',
      `layered rows: a layer has ${driver.rows} rows, what lies below has ${rows}; begin with an empty layer`,
    )
  }
  await driver.resize(rows, signal === undefined ? {} : { signal })
}

const freshState = ({ baseRows, below }: OpenLayerOptions): LayerState => ({
  generation: randomNumber(),
  baseRows,
  below,
  clean: true,
  changed: false,
  stamp: '',
})

const randomNumber = (): number => {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2))
  return low! + (high! & 0x1fffff) * 2 ** 32
}

export const newStamp = (): string => randomNumber().toString(16)

export async function putState(layer: Layer, patch: Partial<LayerState>, io: RowOptions = {}): Promise<void> {
  const state = { ...layer.state, ...patch }
  layer.state = state
  layer.said = undefined
  await layer.kept?.put?.(STATE, encodeText(HEAD, state), io)
  if (layer.state === state) layer.said = state
}

/**
 * Makes what it holds outlive this object. Rows first, then which they are, then what it is a layer of: cut off anywhere,
 * nothing counts as held that is not there.
 */
export async function saveLayer(layer: Layer, patch: () => Partial<LayerState>, io: RowOptions): Promise<void> {
  const { driver, presence, kept } = layer
  const pages = kept === undefined ? new Map<number, Uint8Array>() : presence.changed(layer.state.generation)
  try {
    await driver.flush?.(io)
    for (const [page, bytes] of pages) await kept!.put!(pageName(page), bytes, io)
  } catch (error) {
    presence.unsaved(pages.keys())
    throw error
  }
  const now = patch()
  const { said } = layer
  const differs =
    said === undefined || Object.entries(now).some(([key, value]) => said[key as keyof LayerState] !== value)
  if (differs) await putState(layer, now, io)
  if (kept !== undefined && (differs || pages.size > 0)) await driver.flush?.(io)
}

/** What a cache is a layer of. */
export const belowCaches = (id: string, home: Layer | undefined): string =>
  JSON.stringify([id, home?.state.stamp ?? ''])

/** From the lowest up, since a layer is one of all that lies below; in the order of `drivers`, those above the base. */
export async function openLayers(
  drivers: readonly RowDriver[],
  base: RowDriver,
  id: string,
  signal: AbortSignal | undefined,
): Promise<{ layers: Layer[]; home: Layer | undefined }> {
  const layers: Layer[] = []
  let home: Layer | undefined
  try {
    for (const driver of drivers.toReversed()) {
      const isHome = layers.length === 0 && base.write === undefined
      const layer = await openLayer(driver, {
        rows: home?.driver.rows ?? base.rows,
        baseRows: base.rows,
        below: isHome ? id : belowCaches(id, home),
        home: isHome,
        signal,
      })
      if (isHome) home = layer
      layers.unshift(layer)
    }
    return { layers, home }
  } catch (error) {
    await Promise.allSettled(layers.map(({ lock }) => lock?.release()))
    throw error
  }
}
