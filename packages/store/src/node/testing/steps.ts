import type { RowDriver, RowGeometry } from '@stemkit/spec/row-driver'
import { fileRows } from '../file-rows.ts'
import type { PartedRows } from '../../drivers/rows-in-parts.ts'
import type { FileSystem } from '../file-system.ts'
import type { createLedger } from './ledger.ts'
import { seededRandom } from './random.ts'
import { uniqueBytes } from './use-rows.ts'

export const GEOMETRY: RowGeometry = { rows: 30, rowBytes: 3000 }

/** One call, the same in the process that makes it and in the one that judges what it left. */
export interface Step {
  run(driver: RowDriver): Promise<unknown>
  /** Notes the call; its result notes that it has resolved. What a killed process has done stays done, flushed or not. */
  note(ledger: ReturnType<typeof createLedger>): () => void
}

export function stepsOf(seed: number, count: number): Step[] {
  const random = seededRandom(seed)
  let { rows } = GEOMETRY
  return Array.from({ length: count }, (_step, at): Step => {
    const dice = random()
    if (dice < 0.5) {
      const density = random()
      const ids = Uint32Array.from({ length: rows }, (_, id) => id).filter(() => random() < density)
      const from = uniqueBytes(ids.length * GEOMETRY.rowBytes, random)
      return {
        run: (driver) => (at % 2 === 0 ? driver.write!(ids, from) : writeInParts(driver, ids, from)),
        note(ledger) {
          ledger.wrote(ids, from)
          return ledger.flushCalled()
        },
      }
    }
    if (dice < 0.6) return { run: (driver) => driver.flush!(), note: (ledger) => ledger.flushCalled() }
    if (dice < 0.7) {
      const wanted = (rows += 5)
      return { run: (driver) => driver.resize!(wanted), note: (ledger) => ledger.resizeCalled(wanted) }
    }
    const name = `meta-${at % 3}`
    if (dice < 0.75) {
      return { run: (driver) => driver.meta!.remove!(name), note: (ledger) => done(ledger.metaCalled(name, undefined)) }
    }
    const value = `step ${at} `.repeat(1 + Math.floor(random() * 900))
    return {
      run: (driver) => driver.meta!.put!(name, new TextEncoder().encode(value)),
      note: (ledger) => done(ledger.metaCalled(name, value)),
    }
  })
}

const done = (settled: (outcome: 'done') => void) => () => settled('done')

/** As a table does: each row apart, and its checksum apart from it. */
const writeInParts = (driver: PartedRows, ids: Uint32Array, from: Uint8Array): Promise<void> => {
  const { rowBytes } = driver
  const parts = [...ids.keys()].flatMap((i) => [
    from.subarray(i * rowBytes, (i + 1) * rowBytes - 16),
    from.subarray((i + 1) * rowBytes - 16, (i + 1) * rowBytes),
  ])
  return driver.inParts!.write!(ids, parts)
}

/** Makes rows, locks them and takes the steps. `report` hears of each step that has begun, and at last of the end. */
export async function takeSteps(
  folder: string,
  files: FileSystem,
  steps: readonly Step[],
  report: (step: number) => void,
): Promise<void> {
  const driver = await fileRows(folder, { files, create: GEOMETRY })
  await driver.lock!()
  for (const [at, step] of steps.entries()) {
    report(at)
    await step.run(driver)
  }
  report(steps.length)
  await driver.dispose()
}
