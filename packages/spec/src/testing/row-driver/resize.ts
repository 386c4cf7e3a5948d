import { check, type Promises, type WritableRows } from './bench.ts'
import { checkRowsEqual, pattern, range } from './bytes.ts'
import { checkAborts, checkRejects } from './settling.ts'

type Growable = WritableRows & Required<Pick<WritableRows, 'resize'>>

function growable(driver: WritableRows): Growable {
  check(driver.resize !== undefined, 'the driver should have resize')
  return driver as Growable
}

export const resize: Promises = {
  'resize: adds zeroed rows at the end and keeps the others': async (bench) => {
    const driver = growable(await bench.open())
    const old = range(0, 64)
    await driver.write(old, pattern(old, 48, 1))
    for (const rows of [65, 130, 5000]) {
      await driver.resize(rows)
      check(driver.rows === rows, `there should be ${rows} rows now, not ${driver.rows}`)
      const all = range(0, rows)
      const into = new Uint8Array(rows * 48).fill(0xee)
      await driver.read(all, into)
      const expected = new Uint8Array(rows * 48)
      expected.set(pattern(old, 48, 1))
      checkRowsEqual(all, into, expected, `after growing to ${rows} rows`)
    }
    const last = range(4998, 5000)
    await driver.write(last, pattern(last, 48, 2))
    const into = new Uint8Array(2 * 48)
    await driver.read(last, into)
    checkRowsEqual(last, into, pattern(last, 48, 2), 'new rows, written')
    await checkRejects(() => driver.read(Uint32Array.of(5000), new Uint8Array(48)), 'bad-input', 'row 5000 of 5000')
  },

  'resize: adds rows where there are none yet': async (bench) => {
    const driver = growable(await bench.open({ rows: 0, rowBytes: 48 }))
    check(driver.rows === 0, `there should be no rows, not ${driver.rows}`)
    await driver.read(new Uint32Array(0), new Uint8Array(0))
    await checkRejects(() => driver.read(Uint32Array.of(0), new Uint8Array(48)), 'bad-input', 'row 0 of none')
    await driver.resize(3)
    const ids = range(1, 3)
    await driver.write(ids, pattern(ids, 48, 1))
    const into = new Uint8Array(3 * 48).fill(0xee)
    await driver.read(range(0, 3), into)
    const expected = new Uint8Array(3 * 48)
    expected.set(pattern(ids, 48, 1), 48)
    checkRowsEqual(range(0, 3), into, expected, 'the first three rows')
  },

  'resize: to as many rows changes nothing, to fewer is refused': async (bench) => {
    const driver = growable(await bench.open())
    const all = range(0, 64)
    await driver.write(all, pattern(all, 48, 1))
    await driver.resize(64)
    for (const rows of [63, 0, -1, 64.5, Number.NaN]) {
      await checkRejects(() => driver.resize(rows), 'bad-input', `resizing 64 rows to ${rows}`)
    }
    check(driver.rows === 64, `there should be 64 rows still, not ${driver.rows}`)
    const into = new Uint8Array(64 * 48)
    await driver.read(all, into)
    checkRowsEqual(all, into, pattern(all, 48, 1), 'after refused resizes')
  },

  'resize: may overlap reads and writes of rows that are there': async (bench) => {
    const driver = growable(await bench.open())
    const all = range(0, 64)
    const into = new Uint8Array(64 * 48)
    await Promise.all([
      driver.write(all, pattern(all, 48, 1)),
      driver.resize(100),
      driver.write(all, pattern(all, 48, 2)),
      driver.resize(1000),
      driver.read(all, into),
    ])
    checkRowsEqual(all, into, pattern(all, 48, 2), 'while resizing')
    check(driver.rows === 1000, `there should be 1000 rows, not ${driver.rows}`)
    await driver.read(all, into)
    checkRowsEqual(all, into, pattern(all, 48, 2), 'after resizing')
  },

  'resize: stops when aborted before it, and when disposed': async (bench) => {
    const driver = growable(await bench.open())
    const reason = new Error('enough')
    await checkAborts(() => driver.resize(65, { signal: AbortSignal.abort(reason) }), reason, 'a resize')
    check(driver.rows === 64, 'an aborted resize should change nothing')
    await driver.dispose()
    await checkRejects(() => driver.resize(65), undefined, 'a resize after dispose')
  },
}
