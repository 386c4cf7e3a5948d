import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver } from '@stemkit/spec/row-driver'
import type { Root } from './root.ts'
import { recordBytes } from './row-io.ts'

/** @throws unsupported, saying what the driver lacks */
export function checkWritable(driver: RowDriver): void {
  const lacks = [
    driver.write === undefined && 'write rows',
    driver.resize === undefined && 'make room for more rows (resize)',
    (driver.meta?.put === undefined || driver.meta.remove === undefined) && 'hold metas, where versions are recorded',
  ].filter((lack) => lack !== false)
  if (lacks.length > 0) {
    throw new StemkitError(
      'unsupported',
      `row table: this driver cannot ${lacks.join(', nor ')}; it cannot hold a table`,
    )
  }
}

/** @throws bad-input if the driver's places are not those of a table, corrupt if there are too few of them */
export function checkPlaces(driver: RowDriver, { layout, places }: Pick<Root, 'layout' | 'places'>): void {
  if (driver.rowBytes !== recordBytes(layout)) {
    throw new StemkitError(
      'bad-input',
      `row table: the driver's places have ${driver.rowBytes} bytes, this layout needs ${recordBytes(layout)}`,
    )
  }
  if (driver.rows < places) {
    throw new StemkitError('corrupt', `row table: the driver has ${driver.rows} places where the table uses ${places}`)
  }
}
