import type { RowDriver, RowGeometry, RowOptions } from '../../row-driver.ts'
import type { WritableRowsSuite } from '../row-driver.ts'
import { newMedium, slowRows, type Medium, type Quirks, type SlowRows } from './slow-rows.ts'

/** What is wrong with a driver: inside it, in what it shows, or in what it works on. */
export interface Breakage extends Quirks {
  readonly outside?: (driver: SlowRows) => Partial<RowDriver>
  readonly medium?: (geometry: RowGeometry) => Medium
}

/** A driver broken on purpose, and the promises that it must be seen to break. */
export type Fault = readonly [what: string, breakage: Breakage, breaks: readonly string[]]

/** The suite of a driver that is correct, or broken in one way. */
export function suiteOf({ outside, medium = newMedium, ...quirks }: Breakage = {}): Required<
  Omit<WritableRowsSuite, 'readOnly' | 'exempt'>
> {
  const media = new Map<RowDriver, Medium>()
  const open = async (rowBytes: number, on: Medium): Promise<RowDriver> => {
    const driver = slowRows(rowBytes, on, quirks)
    const shown: RowDriver = outside === undefined ? driver : over(driver, outside(driver))
    media.set(shown, on)
    return shown
  }
  return {
    open: (geometry) => open(geometry.rowBytes, medium(geometry)),
    reopen: (driver) => open(driver.rowBytes, media.get(driver)!),
  }
}

/** The driver with some verbs replaced; not a spread, which would freeze its number of rows. */
const over = (driver: SlowRows, replaced: Partial<RowDriver>): RowDriver =>
  Object.defineProperties(Object.create(driver) as RowDriver, Object.getOwnPropertyDescriptors(replaced))

type Transfer = (ids: Uint32Array, block: Uint8Array, options?: RowOptions) => Promise<void>

export const read = (replaced: Transfer): Partial<RowDriver> => ({ read: replaced })

export const write = (replaced: Transfer): Partial<RowDriver> => ({ write: replaced })

export const meta = (driver: SlowRows, replaced: Partial<SlowRows['meta']>): Partial<RowDriver> => ({
  meta: { ...driver.meta, ...replaced },
})

export function omit<T extends object>(from: T, key: keyof T): T {
  return Object.fromEntries(Object.entries(from).filter(([name]) => name !== key)) as T
}
