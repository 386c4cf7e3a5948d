import { createRowStore, overlayView, type OverlayViewOptions, type RowPlan } from '@stemkit/store'
import type { RowTable } from '@stemkit/store'
import type { RowKeys, RowSource } from './row-source.ts'

export interface OverlayRowsOptions extends OverlayViewOptions {
  /**
   * A store of the same table, through whose memory the rows that no overlay changes are read; or overlays of it, over which
   * these lie. Default: they are read each time.
   */
  readonly base?: Pick<RowSource, 'gather' | 'prefetch' | 'keys'> | undefined
  /** Bytes of memory for rows of overlays. Default: 16 MiB, or less where they need less. */
  readonly budget?: number | undefined
}

/** Rows of a table under overlays. `dispose` gives up its memory; table and store stay open. */
export interface OverlayRows extends RowSource {
  readonly keys: RowKeys
  dispose(): Promise<void>
}

type Plan = Pick<RowPlan, 'unique'>

const BUDGET = 16 * 2 ** 20
const ROW_BOOKKEEPING = 1024

/**
 * Stacks overlays over a table, for the `rows` of one request; see `overlayView` for what is thrown.
 */
export async function overlayRows(
  table: RowTable,
  stack: readonly string[],
  { base, budget = BUDGET, ...options }: OverlayRowsOptions = {},
): Promise<OverlayRows> {
  const view = await overlayView(table, stack, options)
  const { id, version, content } = table
  const { overlays = table } = options
  const { rows, layout, rowBytes } = view
  const ids = Uint32Array.from({ length: rows }, (_, row) => row)
  const keys = view.resolve(ids)
  const changed = ids.filter((row) => keys[row] !== row)
  const indexOf = new Map(Array.from(changed, (row, index) => [row, index]))
  const readView = (rowsOf: Uint32Array) => ({ rows: rowsOf.length, layout, rowBytes, dispose: async () => {} })

  /** The rows that overlays change, numbered from 0. */
  const overlaid = createRowStore({
    table: {
      ...readView(changed),
      read: (indices, into, how) =>
        view.read(
          indices.map((index) => keys[changed[index]!]!),
          into,
          how,
        ),
    },
    ...(changed.length > 0 && { budget: Math.min(budget, 2 ** 20 + changed.length * (rowBytes + ROW_BOOKKEEPING)) }),
  })
  const own =
    base ?? createRowStore({ table: { ...readView(ids), read: (these, into, how) => view.read(these, into, how) } })

  /** Which places of a plan are an overlay's, and which the table's. */
  const split = ({ unique }: Plan) => {
    const all = Uint32Array.from(unique.keys())
    const above = all.filter((at) => indexOf.has(unique[at]!))
    const below = all.filter((at) => !indexOf.has(unique[at]!))
    return {
      above: { places: above, plan: { unique: above.map((at) => indexOf.get(unique[at]!)!) } },
      below: { places: below, plan: { unique: below.map((at) => unique[at]!) } },
    }
  }

  return {
    id,
    version,
    rows,
    layout,
    overlays: stack,
    keys: {
      scope: overlays === table ? `${id}/${content}` : `${id}/${content}+${overlays.id}`,
      of: (token) => (indexOf.has(token) ? keys[token]! : (base?.keys?.of(token) ?? token)),
    },
    async gather(plan, blocks, how = {}) {
      const { above, below } = split(plan)
      if (above.places.length === 0) return own.gather(plan, blocks, how)
      if (below.places.length === 0) return overlaid.gather(above.plan, blocks, how)
      const to = (places: Uint32Array) => ({
        ...how,
        places: how.places ? places.map((at) => how.places![at]!) : places,
      })
      await overlaid.gather(above.plan, blocks, to(above.places))
      await own.gather(below.plan, blocks, to(below.places))
    },
    async prefetch(plan, how) {
      const { above, below } = split(plan)
      await Promise.all([overlaid.prefetch(above.plan, how), own.prefetch(below.plan, how)])
    },
    stats: () => overlaid.stats(),
    dispose: () => overlaid.dispose(),
  }
}
