import { check, type Promises, type WritableRows } from './bench.ts'
import { checkRowsEqual, equal, pattern, randomIds, randomNumbers, range } from './bytes.ts'
import { pause, rejection } from './settling.ts'

export const overlap: Promises = {
  'overlap: a read sees the writes called before it, and none called after it': async (bench) => {
    const rowBytes = 2 ** 15
    const driver = await bench.open({ rows: 4, rowBytes })
    const ids = range(0, 4)
    const calls: Promise<void>[] = []
    for (let salt = 1; salt <= 12; salt++) {
      calls.push(driver.write(ids, pattern(ids, rowBytes, salt)))
      const into = new Uint8Array(4 * rowBytes)
      calls.push(
        driver
          .read(ids, into)
          .then(() =>
            checkRowsEqual(ids, into, pattern(ids, rowBytes, salt), `a read between writes ${salt} and ${salt + 1}`),
          ),
      )
    }
    await Promise.all(calls)
  },

  'overlap: of writes to a row the one called last stays': async (bench) => {
    const driver = await bench.open()
    const all = range(0, 64)
    // Large and small in turn, so that a later call may well be done sooner.
    await Promise.all(
      Array.from({ length: 20 }, (_, salt) => {
        const ids = salt % 2 === 0 ? all : range(30, 31)
        return driver.write(ids, pattern(ids, 48, salt))
      }),
    )
    const into = new Uint8Array(64 * 48)
    await driver.read(all, into)
    const expected = pattern(all, 48, 18)
    expected.set(pattern(range(30, 31), 48, 19), 30 * 48)
    checkRowsEqual(all, into, expected, 'after 20 overlapping writes')
  },

  'overlap: no read sees a half-written row': async (bench) => {
    const rowBytes = 20_000
    const driver = await bench.open({ rows: 3, rowBytes })
    const ids = range(0, 3)
    const versions = Array.from({ length: 6 }, (_, salt) => pattern(ids, rowBytes, salt))
    await driver.write(ids, versions[0]!)
    const writes = { left: 40 }
    const writer = async (): Promise<void> => {
      for (; writes.left > 0; writes.left--) await driver.write(ids, versions[writes.left % 6]!)
    }
    const random = randomNumbers(4)
    const reader = async (): Promise<void> => {
      const into = new Uint8Array(3 * rowBytes)
      while (writes.left > 0) {
        // Now and then at another moment of the writes under way.
        if (random() < 0.3) await pause(0)
        await driver.read(ids, into)
        for (const id of ids) {
          const row = into.subarray(id * rowBytes, (id + 1) * rowBytes)
          const whole = versions.some((bytes) => equal(row, bytes.subarray(id * rowBytes, (id + 1) * rowBytes)))
          check(whole, `row ${id} is read as a mixture of two writes`)
        }
      }
    }
    await Promise.all([writer().finally(() => (writes.left = 0)), reader(), reader(), reader()])
  },

  'overlap: any mixture of calls, aborted ones too, reads as if each took effect when it was called': async (bench) => {
    for (let seed = 1; seed <= 6; seed++) {
      const geometry = seed % 2 === 0 ? { rows: 12, rowBytes: 5000 } : { rows: 200, rowBytes: 24 }
      await randomCalls(await bench.open(geometry), seed)
    }
  },
}

/** Random overlapping calls against a model that keeps, for each row, the writes that it may hold. */
async function randomCalls(driver: WritableRows, seed: number): Promise<void> {
  const { rows, rowBytes } = driver
  const random = randomNumbers(seed)
  // Salt -1 stands for the zeros that a row begins with.
  const may: number[][] = Array.from({ length: rows }, () => [-1])
  const bytesOf = (id: number, salt: number): Uint8Array =>
    salt < 0 ? new Uint8Array(rowBytes) : pattern(Uint32Array.of(id), rowBytes, salt)
  const calls: Promise<void>[] = []

  for (let step = 0; step < 150; step++) {
    const ids = randomIds(random, rows, random() ** 2)
    const stop = random() < 0.15 ? new AbortController() : undefined
    const options = stop === undefined ? {} : { signal: stop.signal }
    let call: Promise<void>
    if (random() < 0.5) {
      call = driver.write(ids, pattern(ids, rowBytes, step), options)
      for (const id of ids) may[id] = stop === undefined ? [step] : [...may[id]!, step]
    } else {
      const into = new Uint8Array(ids.length * rowBytes)
      const expected = Array.from(ids, (id) => may[id]!)
      call = driver.read(ids, into, options).then(() => {
        ids.forEach((id, i) => {
          const row = into.subarray(i * rowBytes, (i + 1) * rowBytes)
          const known = expected[i]!.some((salt) => equal(row, bytesOf(id, salt)))
          check(known, `seed ${seed}, step ${step}: row ${id} should hold write ${expected[i]!.join(' or ')}`)
        })
        return undefined
      })
    }
    const settled = unlessAborted(call, stop?.signal)
    settled.catch(() => undefined)
    calls.push(settled)
    if (stop !== undefined) {
      if (random() < 0.5) await pause(0)
      stop.abort(new Error(`stop ${step}`))
    }
    if (random() < 0.1) await pause(0)
    if (random() < 0.03) await Promise.all(calls)
  }
  await Promise.all(calls)
}

async function unlessAborted(call: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  const error = await rejection(call)
  const aborted = signal?.aborted === true && error === signal.reason
  if (error !== undefined && !aborted) throw error as Error
}
