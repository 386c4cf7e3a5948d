import { check, type Promises } from './bench.ts'
import { checkRowsEqual, equal, pattern, randomIds, randomNumbers, range } from './bytes.ts'
import { checkAborts, checkRejects, checkWaits, pause, settlesAtOnce } from './settling.ts'

export const writes: Promises = {
  'writes: rows never written are zero': async (bench) => {
    const driver = await bench.open()
    const into = new Uint8Array(64 * 48).fill(0xee)
    await driver.read(range(0, 64), into)
    checkRowsEqual(range(0, 64), into, new Uint8Array(64 * 48), 'new rows')
  },

  'writes: change the rows that are named, and no others': async (bench) => {
    const driver = await bench.open()
    const random = randomNumbers(3)
    const model = new Uint8Array(64 * 48)
    const all = range(0, 64)
    const into = new Uint8Array(64 * 48)
    for (let salt = 1; salt <= 20; salt++) {
      const ids = salt === 1 ? Uint32Array.of(0, 63) : randomIds(random, 64, random())
      const from = pattern(ids, 48, salt)
      await driver.write(ids, from)
      ids.forEach((id, i) => model.set(from.subarray(i * 48, (i + 1) * 48), id * 48))
      await driver.read(all, into)
      checkRowsEqual(all, into, model, `after write ${salt}`)
    }
  },

  'writes: writing none is no error': async (bench) => {
    const driver = await bench.open()
    await driver.write(new Uint32Array(0), new Uint8Array(0))
  },

  'writes: take a part of a larger buffer': async (bench) => {
    const driver = await bench.open()
    const ids = Uint32Array.of(99, 2, 3, 9, 99).subarray(1, 4)
    const whole = new Uint8Array(5 + 3 * 48 + 11).fill(0xee)
    whole.set(pattern(ids, 48, 1), 5)
    await driver.write(ids, whole.subarray(5, 5 + 3 * 48))
    const into = new Uint8Array(3 * 48)
    await driver.read(ids, into)
    checkRowsEqual(ids, into, pattern(ids, 48, 1), 'written from a part')
  },

  'writes: keep a copy, the buffer belongs to the caller': async (bench) => {
    const driver = await bench.open()
    const ids = Uint32Array.of(7, 8, 20)
    const from = pattern(ids, 48, 3)
    await driver.write(ids, from)
    from.fill(0xee)
    const expected = pattern(Uint32Array.of(7, 8, 20), 48, 3)
    ids.fill(1)
    const into = new Uint8Array(3 * 48)
    await driver.read(Uint32Array.of(7, 8, 20), into)
    checkRowsEqual(Uint32Array.of(7, 8, 20), into, expected, 'after the written buffer was overwritten')
  },

  'writes: to new rows leave other rows alone': async (bench) => {
    const [one, other] = [await bench.open(), await bench.open()]
    await one.write(range(0, 64), pattern(range(0, 64), 48, 1))
    const into = new Uint8Array(64 * 48)
    await other.read(range(0, 64), into)
    checkRowsEqual(range(0, 64), into, new Uint8Array(64 * 48), 'rows opened fresh')
  },

  'refuses: to write what is no row, of another size, unsorted or there twice; nothing is changed': async (bench) => {
    const driver = await bench.open()
    const all = range(0, 64)
    await driver.write(all, pattern(all, 48, 1))
    const wrong: [number[], number][] = [
      [[64], 48],
      [[3, 64], 96],
      [[3, 2 ** 32 - 1], 96],
      [[3], 47],
      [[3], 49],
      [[3, 4], 48],
      [[3], 0],
      [[4, 3], 96],
      [[3, 3], 96],
      [[3, 9, 5], 144],
    ]
    for (const [ids, bytes] of wrong) {
      const from = new Uint8Array(bytes)
      await checkRejects(
        () => driver.write(Uint32Array.from(ids), from),
        'bad-input',
        `writing rows ${ids} of 64 from ${bytes} bytes`,
      )
    }
    const into = new Uint8Array(64 * 48)
    await driver.read(all, into)
    checkRowsEqual(all, into, pattern(all, 48, 1), 'after refused writes')
  },

  'abort: before a write, nothing is changed': async (bench) => {
    const driver = await bench.open()
    const reason = new Error('enough')
    const ids = range(0, 64)
    const signal = AbortSignal.abort(reason)
    await checkAborts(() => driver.write(ids, pattern(ids, 48, 1), { signal }), reason, 'a write')
    if (driver.flush) await checkAborts(() => driver.flush!({ signal }), reason, 'a flush')
    const into = new Uint8Array(64 * 48)
    await driver.read(ids, into)
    checkRowsEqual(ids, into, new Uint8Array(64 * 48), 'after an aborted write')
  },

  'abort: during a write, each row is old or new': async (bench) => {
    const rowBytes = 2 ** 17
    const driver = await bench.open({ rows: 16, rowBytes })
    const all = range(0, 16)
    const versions = [1, 2, 3].map((salt) => pattern(all, rowBytes, salt))
    const into = new Uint8Array(16 * rowBytes)
    for (let time = 0; time < 3; time++) {
      await driver.write(all, versions[0]!)
      const ahead = driver.write(all, versions[1]!)
      const stop = new AbortController()
      const from = versions[2]!.slice()
      const writing = driver.write(all, from, { signal: stop.signal })
      if (await settlesAtOnce(writing)) {
        await writing
      } else {
        if (time > 0) await Promise.race([pause(time), writing.catch(() => undefined)])
        const reason = new Error(`enough of ${time}`)
        if (!(await settlesAtOnce(writing))) {
          stop.abort(reason)
          await checkAborts(() => writing, reason, 'a write whose signal aborts while it is under way')
        }
      }
      from.fill(0xee)
      await ahead
      await driver.read(all, into)
      for (const id of all) {
        const row = into.subarray(id * rowBytes, (id + 1) * rowBytes)
        const known = versions.slice(1).some((bytes) => equal(row, bytes.subarray(id * rowBytes, (id + 1) * rowBytes)))
        check(known, `row ${id} is neither what it was nor what the aborted write should make of it`)
      }
    }
  },

  'dispose: refuses writes after it': async (bench) => {
    const driver = await bench.open()
    await driver.dispose()
    await checkRejects(() => driver.write(range(0, 1), new Uint8Array(48)), undefined, 'a write after dispose')
    if (driver.flush) await checkRejects(() => driver.flush!(), undefined, 'a flush after dispose')
  },

  'dispose: waits for writes under way': async (bench) => {
    const driver = await bench.open()
    const ids = range(0, 64)
    const writings = Array.from({ length: 8 }, (_, salt) => driver.write(ids, pattern(ids, 48, salt)))
    await checkWaits(() => driver.dispose(), writings)
  },
}
