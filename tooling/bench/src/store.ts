import type { BenchmarkOptions, Report } from './report.ts'
import { describeMachine } from './report.ts'
import { measureColdReads } from './store-cold.ts'
import { measureGather } from './store-gather.ts'
import { measureGrowth } from './store-growth.ts'
import { measureSteps } from './store-steps.ts'

/**
 * The store on real token streams, with tables eight times the memory that it is given: rows gathered from the cache against
 * copying memory, cold reads of files against plain positioned reads, training steps with the tables in a file and in Redis
 * against tables in memory, and how the store's part of a step grows with the table.
 */
export async function run(options: BenchmarkOptions): Promise<Report> {
  const gather = await measureGather(options)
  const cold = await measureColdReads(options)
  const growth = await measureGrowth(options)
  const { results: steps, peers } = await measureSteps(options)
  return { benchmark: 'store', machine: describeMachine(peers), results: [...gather, ...cold, ...steps, ...growth] }
}
