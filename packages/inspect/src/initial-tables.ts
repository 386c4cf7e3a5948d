import { tableRowInitializer, type TableInit } from '@stemkit/model'
import { tablesOfModel, type TableOwner, type Tables } from './tables.ts'

export interface InitialTablesOptions {
  /** The run's seed gives the very rows that it began with; any other gives rows of the same distribution. */
  readonly seed: number
  /** Only scales the rows, so angles do not depend on it. Default `xavier-normal`. */
  readonly tableInit?: TableInit | undefined
}

/**
 * A model's tables as they are before training, made row by row: what any number about trained tables has to be held against,
 * because random rows of many dimensions are nearly orthogonal as well.
 * @throws bad-input for a model without tables
 */
export function initialTables(owner: TableOwner, { seed, tableInit }: InitialTablesOptions): Tables {
  const { tables, rows, width } = tablesOfModel(owner)
  const { custom } = owner
  const initializer = tableRowInitializer(owner.config, {
    seed,
    ...(tableInit && { tableInit }),
    ...(custom && { custom }),
  })
  const row = new Float32Array(tables.length * width)
  return {
    layers: tables.map(({ layer }) => layer),
    rows,
    width,
    async gather(ids, into) {
      for (const [i, id] of ids.entries()) {
        initializer.fill(id, row)
        for (let t = 0; t < tables.length; t++) {
          into.set(row.subarray(t * width, (t + 1) * width), (t * ids.length + i) * width)
        }
      }
    },
  }
}
