import { check, type Promises } from './bench.ts'
import { checkRowsEqual, pattern, randomIds, randomNumbers, range } from './bytes.ts'
import { checkAborts, checkRejects, checkWaits, pause, rejection, settlesAtOnce } from './settling.ts'

const GEOMETRY = { rows: 64, rowBytes: 48 }
const CONTENT = pattern(range(0, 64), 48, 1)

/** What holds for every driver, read-only ones included. */
export const reads: Promises = {
  'rows: reports its geometry and durability': async (bench) => {
    const driver = await bench.filled(GEOMETRY, {})
    check(
      driver.rows === 64 && driver.rowBytes === 48,
      `there should be 64 rows of 48 bytes, not ${driver.rows} of ${driver.rowBytes}`,
    )
    check(['none', 'process', 'power'].includes(driver.durability), `durability is '${driver.durability}'`)
    if (bench.readOnly) {
      check(
        driver.write === undefined && driver.resize === undefined,
        'a read-only driver should have no write and no resize',
      )
      check(
        driver.meta?.put === undefined && driver.meta?.remove === undefined,
        'its metas should have no put and no remove',
      )
    } else {
      check(typeof driver.write === 'function', 'a writable driver should have write')
      check(
        driver.durability === 'none' || bench.reopen !== undefined,
        `durability '${driver.durability}' is tested through 'reopen', which the suite was not given`,
      )
    }
  },

  'rows: come back byte for byte in the order of the ids': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { rows: CONTENT })
    const random = randomNumbers(1)
    const wanted = [
      ...[[0], [63], [31], [0, 63], [0, 3, 4, 5, 31, 63]].map((ids) => Uint32Array.from(ids)),
      range(0, 64),
      range(10, 40),
      ...[0.05, 0.3, 0.5, 0.9].map((chance) => randomIds(random, 64, chance)),
    ]
    for (const ids of wanted) {
      const into = new Uint8Array(ids.length * 48).fill(0xee)
      await driver.read(ids, into)
      checkRowsEqual(ids, into, pattern(ids, 48, 1), 'read')
    }
  },

  'rows: reading none is no error': async (bench) => {
    const driver = await bench.filled(GEOMETRY, {})
    await driver.read(new Uint32Array(0), new Uint8Array(0))
  },

  'rows: may be of any size and number': async (bench) => {
    for (const [rows, rowBytes] of [
      [1, 1],
      [3, 7],
      [9, 4096],
      [2, 100_003],
      [50_000, 8],
    ] as const) {
      const driver = await bench.filled({ rows, rowBytes }, { rows: pattern(range(0, rows), rowBytes, 2) })
      const ids = rows > 2 ? Uint32Array.of(0, rows >> 1, rows - 1) : range(0, rows)
      const into = new Uint8Array(ids.length * rowBytes)
      await driver.read(ids, into)
      checkRowsEqual(ids, into, pattern(ids, rowBytes, 2), `${rows} rows of ${rowBytes} bytes`)
    }
  },

  'rows: are read into a part of a larger buffer, and nowhere else': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { rows: CONTENT })
    const ids = Uint32Array.of(99, 2, 3, 9, 99).subarray(1, 4)
    const whole = new Uint8Array(5 + 3 * 48 + 11).fill(0xee)
    await driver.read(ids, whole.subarray(5, 5 + 3 * 48))
    checkRowsEqual(ids, whole.slice(5, 5 + 3 * 48), pattern(ids, 48, 1), 'read into a part')
    check(
      whole.every((byte, at) => (at >= 5 && at < 5 + 3 * 48) || byte === 0xee),
      'bytes outside the part that was given have changed',
    )
  },

  'rows: what was read belongs to the caller': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { rows: CONTENT })
    const ids = range(5, 9)
    const into = new Uint8Array(4 * 48)
    for (let time = 0; time < 3; time++) {
      await driver.read(ids, into)
      checkRowsEqual(ids, into, pattern(ids, 48, 1), 'after the last buffer was overwritten')
      into.fill(0)
    }
  },

  'rows: many reads may overlap': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { rows: CONTENT })
    const random = randomNumbers(2)
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const ids = randomIds(random, 64, random())
        const into = new Uint8Array(ids.length * 48)
        await driver.read(ids, into)
        checkRowsEqual(ids, into, pattern(ids, 48, 1), 'one of 50 overlapping reads')
      }),
    )
  },

  'refuses: to read what is no row': async (bench) => {
    const driver = await bench.filled(GEOMETRY, {})
    for (const ids of [[64], [0, 64], [2 ** 32 - 1]]) {
      const into = new Uint8Array(ids.length * 48)
      await checkRejects(() => driver.read(Uint32Array.from(ids), into), 'bad-input', `reading rows ${ids} of 64`)
    }
  },

  'refuses: to read into a buffer of another size': async (bench) => {
    const driver = await bench.filled(GEOMETRY, {})
    for (const bytes of [0, 47, 49, 95, 97, 144]) {
      const into = new Uint8Array(bytes)
      await checkRejects(
        () => driver.read(Uint32Array.of(1, 2), into),
        'bad-input',
        `reading two rows into ${bytes} bytes`,
      )
    }
  },

  'refuses: to read ids that are unsorted or there twice': async (bench) => {
    const driver = await bench.filled(GEOMETRY, {})
    for (const ids of [
      [2, 1],
      [1, 1],
      [0, 5, 4, 6],
    ]) {
      const into = new Uint8Array(ids.length * 48)
      await checkRejects(() => driver.read(Uint32Array.from(ids), into), 'bad-input', `reading rows ${ids}`)
    }
  },

  'abort: before a read': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { rows: CONTENT })
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    const ids = range(0, 3)
    const into = new Uint8Array(3 * 48).fill(0xee)
    await checkAborts(() => driver.read(ids, into, { signal }), reason, 'a read')
    await driver.read(ids, into, { signal: new AbortController().signal })
    checkRowsEqual(ids, into, pattern(ids, 48, 1), 'the read after it')
  },

  'abort: during a read': async (bench) => {
    const geometry = { rows: 16, rowBytes: 2 ** 17 }
    const all = range(0, 16)
    const expected = pattern(all, geometry.rowBytes, 3)
    const driver = await bench.filled(geometry, { rows: expected })
    const into = new Uint8Array(expected.length)
    for (let time = 0; time < 3; time++) {
      const stop = new AbortController()
      const reading = driver.read(all, into, { signal: stop.signal })
      if (await settlesAtOnce(reading)) {
        await reading
        checkRowsEqual(all, into, expected, 'a read that is done at once')
      } else {
        const reason = new Error(`enough of ${time}`)
        stop.abort(reason)
        await checkAborts(() => reading, reason, 'a read whose signal aborts while it is under way')
        into.fill(0xee)
        await pause(10)
        check(
          into.every((byte) => byte === 0xee),
          'a read that has rejected still writes into the buffer',
        )
      }
      into.fill(0)
      await driver.read(all, into)
      checkRowsEqual(all, into, expected, 'the read after an aborted one')
    }
  },

  'abort: one of many reads leaves the others alone': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { rows: CONTENT })
    const stop = new AbortController()
    const reason = new Error('enough')
    const ids = range(0, 64)
    const readings = Array.from({ length: 20 }, (_, at) => {
      const into = new Uint8Array(64 * 48)
      const reading = driver.read(ids, into, at % 2 === 0 ? {} : { signal: stop.signal })
      return { at, into, settled: rejection(reading) }
    })
    stop.abort(reason)
    for (const { at, into, settled } of readings) {
      const error = await settled
      check(error === undefined || (at % 2 === 1 && error === reason), `read ${at} rejected with ${String(error)}`)
      if (error === undefined) checkRowsEqual(ids, into, pattern(ids, 48, 1), `read ${at}`)
    }
  },

  'dispose: refuses reads after it, and may be called twice': async (bench) => {
    const driver = await bench.filled(GEOMETRY, {})
    await driver.dispose()
    await driver.dispose()
    await checkRejects(() => driver.read(range(0, 1), new Uint8Array(48)), undefined, 'a read after dispose')
  },

  'dispose: waits for reads under way': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { rows: CONTENT })
    const ids = range(0, 64)
    const readings = Array.from({ length: 8 }, async () => {
      const into = new Uint8Array(64 * 48)
      await driver.read(ids, into)
      checkRowsEqual(ids, into, pattern(ids, 48, 1), 'a read before dispose')
    })
    await checkWaits(() => driver.dispose(), readings)
  },
}
