import { check, type Promises, type WritableRows } from './bench.ts'
import { checkRowsEqual, equal, pattern, range } from './bytes.ts'

/** Where the same rows can be opened again. */
export const reopening: Promises = {
  'reopen: finds what was flushed, before and after its writer is disposed': async (bench) => {
    const driver = await bench.open()
    const ids = Uint32Array.of(0, 5, 6, 63)
    const written = pattern(ids, 48, 1)
    // Not awaited: a flush makes everything before it durable.
    const writing = driver.write(ids, written)
    await driver.flush?.()
    await writing
    const expected = new Uint8Array(64 * 48)
    ids.forEach((id, i) => expected.set(written.subarray(i * 48, (i + 1) * 48), id * 48))

    const beside = await bench.reopen!(driver)
    await checkHolds(beside, expected, 'opened beside its writer')
    if (driver.durability === 'none') return
    await driver.dispose()
    await beside.dispose()
    const after = await bench.reopen!(driver)
    await checkHolds(after, expected, 'opened after its writer was disposed')

    const more = range(60, 64)
    await after.write(more, pattern(more, 48, 2))
    expected.set(pattern(more, 48, 2), 60 * 48)
    await after.flush?.()
    await after.dispose()
    await checkHolds(await bench.reopen!(after), expected, 'opened, written and opened again')
  },
}

export const reopeningMetas: Promises = {
  'reopen: finds the metas that were flushed, and their versions': async (bench) => {
    const driver = await bench.open()
    check(driver.meta?.put !== undefined && driver.meta.remove !== undefined, 'the driver should have metas')
    const value = new TextEncoder().encode('value')
    await driver.meta.put('gone', value)
    const version = await driver.meta.put('root', value)
    await driver.meta.remove('gone')
    await driver.flush?.()
    if (driver.durability !== 'none') await driver.dispose()
    const again = await bench.reopen!(driver)
    const got = await again.meta?.get('root')
    check(
      got !== undefined && equal(got.bytes, value) && got.version === version,
      'the meta should be there as it was put',
    )
    check((await again.meta?.get('gone')) === undefined, 'a removed meta should stay removed')
    await again.meta?.put?.('root', value, { ifVersion: version })
  },
}

export const reopeningSizes: Promises = {
  'reopen: finds as many rows as there were resized to': async (bench) => {
    const driver = await bench.open()
    check(driver.resize !== undefined, 'the driver should have resize')
    await driver.resize(100)
    const last = range(98, 100)
    await driver.write(last, pattern(last, 48, 1))
    await driver.flush?.()
    if (driver.durability !== 'none') await driver.dispose()
    const again = await bench.reopen!(driver)
    const expected = new Uint8Array(100 * 48)
    expected.set(pattern(last, 48, 1), 98 * 48)
    await checkHolds(again, expected, 'resized, written and opened again')
  },
}

async function checkHolds(driver: WritableRows, expected: Uint8Array, what: string): Promise<void> {
  const rows = expected.length / 48
  check(
    driver.rows === rows && driver.rowBytes === 48,
    `${what}: ${driver.rows} rows of ${driver.rowBytes} bytes, not ${rows} of 48`,
  )
  const into = new Uint8Array(expected.length)
  await driver.read(range(0, rows), into)
  checkRowsEqual(range(0, rows), into, expected, what)
}
