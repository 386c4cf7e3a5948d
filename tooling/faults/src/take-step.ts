import { createRowPlan, type RowStore, type RowTable } from '@stemkit/store'
import { after, fillRows, LAYOUT, numberOf, type State, type Step } from './history.ts'

const VALUES = LAYOUT.layers * LAYOUT.width

/**
 * Takes a step through a store with a cache, and returns the rows as they are then. Every row that it comes across must be
 * what the state says.
 * @throws Error naming a row that is not
 */
export async function takeStep(store: RowStore, table: RowTable, step: Step, state: State): Promise<State> {
  const next = after(state, step)
  if (step.kind === 'scatter') await scatter(store, step, state, next)
  else if (step.kind === 'lease') await changeInPlace(store, step, state, next)
  else if (step.kind === 'flush') await store.flush()
  else if (step.kind === 'snapshot') await store.snapshot({ keep: step.keep })
  else if (step.kind === 'drop') {
    const oldest = (await table.versions()).find(({ kept }) => kept)
    if (oldest !== undefined) await table.drop(oldest.version)
  }
  return next
}

type Change = Extract<Step, { ids: Uint32Array }>

async function scatter(store: RowStore, { ids, ahead }: Change, before: State, next: State): Promise<void> {
  const plan = createRowPlan(ids)
  const prefetched = store.prefetch(createRowPlan(ahead))
  const blocks = new Float32Array(ids.length * VALUES)
  await store.gather(plan, blocks)
  /** Blocks are [L, U, w]. */
  const eachValue = (visit: (at: number, id: number, i: number) => void): void => {
    for (let layer = 0, at = 0; layer < LAYOUT.layers; layer++) {
      for (const id of ids) {
        for (let i = layer * LAYOUT.width; i < (layer + 1) * LAYOUT.width; i++) visit(at++, id, i)
      }
    }
  }
  eachValue((at, id, i) => {
    if (blocks[at] !== numberOf(id, before.values[id]!, i))
      throw new Error(`gather: row ${id} is not as it was written`)
  })
  eachValue((at, id, i) => (blocks[at] = numberOf(id, next.values[id]!, i)))
  await Promise.all([store.scatter(plan, blocks), prefetched])
}

async function changeInPlace(store: RowStore, { ids, ahead }: Change, before: State, next: State): Promise<void> {
  const [lease] = await Promise.all([store.lease(createRowPlan(ids)), store.prefetch(createRowPlan(ahead))])
  const expected = new Float32Array(VALUES * 3)
  ids.forEach((id, at) => {
    const start = lease.bytes.byteOffset + lease.slots[at]! * lease.stride
    const row = new Float32Array(lease.bytes.buffer, start, expected.length)
    fillRows(before, Uint32Array.of(id), expected)
    if (row.some((number, i) => number !== expected[i])) throw new Error(`lease: row ${id} is not as it was written`)
    fillRows(next, Uint32Array.of(id), row)
  })
  lease.release({ changed: true })
}
