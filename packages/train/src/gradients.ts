import type { Arrays, Program } from '@stemkit/compile'
import type { RowPlan } from '@stemkit/store'
import type { OptimizerPool } from './optimizer/pool.ts'
import type { RowGroups, Task } from './optimizer/tasks.ts'
import type { Parameters } from './parameters.ts'
import { groupPositions } from './rows/group-positions.ts'
import { gradientName } from './step-graph.ts'

/** Where the gradient of a weight goes. */
interface Destination {
  readonly name: string
  readonly gradients: Float32Array
  /** Another place of its size, for micro-batches after the first. */
  readonly extra: Float32Array | undefined
}

export interface GradientOptions {
  readonly program: Program
  readonly parameters: Parameters
  readonly pool: OptimizerPool
  /** The rows that the micro-batches use, where tables are trained by the row. */
  readonly plan: RowPlan | undefined
  /** The graph's inputs, one for each micro-batch. */
  readonly feeds: readonly Arrays[]
}

/**
 * Runs the graph of gradients on every micro-batch and leaves the sum of the gradients in the parameters' memory. Gradients of rows come
 * from the graph as one row for each position, and the pool adds them up: always in the order of positions, so that the
 * same batch gives the same bits.
 */
export async function computeGradients({
  program,
  parameters,
  pool,
  plan,
  feeds,
}: GradientOptions): Promise<{ readonly loss: number; readonly bytesCopied: number }> {
  const destinations = destinationsOf(parameters, plan)
  let loss = 0
  let bytesCopied = 0
  for (const [at, arrays] of feeds.entries()) {
    const first = at === 0
    const into: Arrays = { loss: new Float32Array(1) }
    const tasks: Task[] = []
    const groupsOf = groups(arrays)
    for (const { name, gradients, extra } of destinations) {
      const output = gradientName(name)
      const rows = program.summands.get(output)
      if (rows !== undefined) {
        const { summands, width, groups: room } = parameters.summands.get(name)!
        into[output] = summands
        const sums = { into: gradients, summands, width, groups: groupsOf(rows, gradients.length / width, room) }
        tasks.push({ kernel: 'sumRows', ...sums, keep: !first })
      } else if (first) {
        into[output] = gradients
      } else {
        into[output] = extra!
        tasks.push({ kernel: 'addInto', into: gradients, values: extra! })
      }
    }
    await program.run(arrays, { into })
    loss += into['loss']![0]!
    await pool.run(tasks)
    if (!first) bytesCopied += tasks.reduce((sum, task) => sum + bytesRead(task), 0)
  }
  return { loss, bytesCopied }
}

function destinationsOf({ gradients, tables, extraGradients }: Parameters, plan: RowPlan | undefined): Destination[] {
  const ofRegions = Array.from(gradients, ([name, array]) => {
    return { name, gradients: array, extra: extraGradients.get(name) }
  })
  const ofTables = tables.map(({ name, shape: [, width], rowGradients }) => {
    const used = (block: Float32Array): Float32Array => block.subarray(0, plan!.unique.length * width)
    const extra = extraGradients.get(name)
    return { name, gradients: used(rowGradients), extra: extra && used(extra) }
  })
  return [...ofRegions, ...ofTables]
}

/** Groups the positions of a micro-batch by what an input says, once for all weights that are grouped alike. */
function groups(arrays: Arrays): (input: string, rows: number, room: RowGroups) => RowGroups {
  const known = new Map<string, RowGroups>()
  return (input, rows, room) => {
    const key = `${input} ${rows}`
    const found = known.get(key) ?? groupPositions(arrays[input] as Int32Array, rows, room)
    known.set(key, found)
    return found
  }
}

function bytesRead(task: Task): number {
  if (task.kernel === 'sumRows') return task.summands.byteLength
  return task.kernel === 'addInto' ? task.values.byteLength : 0
}
