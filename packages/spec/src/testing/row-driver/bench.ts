import type { RowDriver, RowGeometry } from '../../row-driver.ts'

/** What read-only rows hold from the start. */
export interface RowContent {
  /** `rows * rowBytes` bytes */
  readonly rows: Uint8Array
  readonly metas: Readonly<Record<string, Uint8Array>>
}

export type WritableRows = RowDriver & Required<Pick<RowDriver, 'write'>>

/** Where a promise gets its drivers from. All are disposed when its test ends. */
export interface Bench {
  readonly readOnly: boolean
  /** New rows, zeroed. Default: 64 rows of 48 bytes. */
  open(geometry?: RowGeometry): Promise<WritableRows>
  /** New rows with this content: written into them, or given to the read-only driver. */
  filled(geometry: RowGeometry, content: Partial<RowContent>): Promise<RowDriver>
  /** The same rows, opened once more. Undefined where nobody else can. */
  readonly reopen: ((driver: RowDriver) => Promise<WritableRows>) | undefined
}

/** What a driver promises: a sentence, and the test of it. */
export type Promises = Readonly<Record<string, (bench: Bench) => Promise<void>>>

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`row driver conformance: ${what}`)
}

/** The metas of a driver that has some. */
export function metasOf(driver: RowDriver): Required<NonNullable<RowDriver['meta']>> {
  const { meta } = driver
  check(
    meta?.put !== undefined && meta.remove !== undefined,
    'the driver should have meta.get, meta.put and meta.remove',
  )
  return meta as Required<NonNullable<RowDriver['meta']>>
}
