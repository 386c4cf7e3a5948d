import type { GatherOptions, TableRows } from '../table-rows.ts'

/** Token ids whose rows come from one place, and where they stand in the step. */
interface Part {
  readonly rows: TableRows
  readonly ids: number[]
  /** In their sequences. */
  readonly positions: number[]
  readonly at: number[]
}

/** The rows of one step by table, each [U, w], and where each of its positions has its own. */
export interface StepRows {
  readonly inverse: Int32Array
  readonly count: number
  readonly blocks: Readonly<Record<string, readonly Float32Array[]>>
}

/** Gathers the rows of a step's positions, whose tables may differ: one request for each source of rows, the first in `memory`. */
export async function gatherStepRows(
  sequences: readonly { readonly rows: TableRows; readonly start: number; readonly ids: Int32Array }[],
  { signal, memory }: Pick<GatherOptions, 'signal' | 'memory'>,
): Promise<StepRows> {
  const parts = new Map<TableRows, Part>()
  let position = 0
  for (const { rows, start, ids } of sequences) {
    let part = parts.get(rows)
    if (!part) parts.set(rows, (part = { rows, ids: [], positions: [], at: [] }))
    for (let i = 0; i < ids.length; i++) {
      part.ids.push(ids[i]!)
      part.positions.push(start + i)
      part.at.push(position++)
    }
  }
  const gathered = await Promise.all(
    [...parts.values()].map(async ({ rows, ids, positions, at }, i) => ({
      at,
      ...(await rows.gather(Int32Array.from(ids), {
        signal,
        positions: Int32Array.from(positions),
        ...(i === 0 && { memory }),
      })),
    })),
  )
  const inverse = new Int32Array(position)
  const blocks: Record<string, Float32Array[]> = {}
  let count = 0
  for (const part of gathered) {
    let most = -1
    part.at.forEach((to, i) => {
      const row = part.inverse[i]!
      if (row > most) most = row
      inverse[to] = count + row
    })
    for (const [name, block] of Object.entries(part.blocks)) (blocks[name] ??= []).push(block)
    count += most + 1
  }
  return { inverse, count, blocks }
}
