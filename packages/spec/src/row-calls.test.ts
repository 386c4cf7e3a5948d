import { describe, expect, test } from 'vitest'
import { StemkitError } from './errors.ts'
import { checkGeometry, checkMetaName, checkRows, rowCalls, type Touches } from './row-calls.ts'

const ids = (...list: number[]): Uint32Array => Uint32Array.from(list)

/** Work that goes on until it is told to end. */
function work(log: string[], name: string): { run: () => Promise<string>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    async run() {
      log.push(`${name} begins`)
      await promise
      log.push(`${name} ends`)
      return name
    },
    end: resolve,
  }
}

const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('calls of a driver', () => {
  test.each<[string, Touches, Touches, boolean]>([
    ['reads of the same row', { read: ids(1, 2) }, { read: ids(2, 3) }, false],
    ['a read after a write of one of its rows', { write: ids(1, 5, 9) }, { read: ids(2, 5) }, true],
    ['a read after a write of other rows', { write: ids(1, 5, 9) }, { read: ids(2, 6, 8) }, false],
    ['a write after a read of one of its rows', { read: ids(7) }, { write: ids(1, 7) }, true],
    ['writes of the same row', { write: ids(0, 7) }, { write: ids(7, 8) }, true],
    ['writes of other rows', { write: ids(0, 7) }, { write: ids(1, 8) }, false],
    ['the same name', { name: 'a' }, { name: 'a' }, true],
    ['other names', { name: 'a' }, { name: 'b' }, false],
    ['a name and rows', { name: 'a' }, { write: ids(1) }, false],
    ['a flush after a write', { write: ids(1) }, { all: 'before' }, true],
    ['a write after a flush', { all: 'before' }, { write: ids(1) }, false],
    ['a read after a resize', { all: 'around' }, { read: ids(1) }, true],
    ['a resize after a read', { read: ids(1) }, { all: 'around' }, true],
  ])('%s', async (_, first, second, waits) => {
    const calls = rowCalls()
    const log: string[] = []
    const [one, two] = [work(log, 'one'), work(log, 'two')]
    const done = [calls.run(first, one.run), calls.run(second, two.run)]
    await microtasks()
    expect(log).toEqual(waits ? ['one begins'] : ['one begins', 'two begins'])
    one.end()
    two.end()
    expect(await Promise.all(done)).toEqual(['one', 'two'])
    expect(log.indexOf('two begins')).toBe(waits ? 2 : 1)
  })

  test('begin at once, in the same turn, if there is nothing to wait for', () => {
    const log: string[] = []
    void rowCalls().run({ read: ids(1) }, () => log.push('done'))
    expect(log).toEqual(['done'])
  })

  test('go on after one that failed, and fail by themselves alone', async () => {
    const calls = rowCalls()
    const failing = calls.run({ write: ids(1) }, async () => {
      await microtasks()
      throw new Error('the disk is full')
    })
    const next = calls.run({ write: ids(1) }, () => 'written')
    await expect(failing).rejects.toThrow('the disk is full')
    expect(await next).toBe('written')
  })

  test('stop waiting when aborted, while those after them wait for the rest', async () => {
    const calls = rowCalls()
    const log: string[] = []
    const [one, three] = [work(log, 'one'), work(log, 'three')]
    const stop = new AbortController()
    const first = calls.run({ write: ids(1) }, one.run)
    const second = calls.run({ write: ids(1) }, () => log.push('never'), stop.signal)
    const third = calls.run({ read: ids(1) }, three.run)
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(second).rejects.toBe(reason)
    await microtasks()
    expect(log).toEqual(['one begins'])
    one.end()
    three.end()
    await Promise.all([first, third])
    expect(log).toEqual(['one begins', 'one ends', 'three begins', 'three ends'])
  })

  test('reject with the reason when aborted during the work, after it', async () => {
    const calls = rowCalls()
    const log: string[] = []
    const one = work(log, 'one')
    const stop = new AbortController()
    const call = calls.run({ write: ids(1) }, one.run, stop.signal)
    const reason = new Error('enough')
    stop.abort(reason)
    one.end()
    await expect(call).rejects.toBe(reason)
    expect(log).toEqual(['one begins', 'one ends'])
    await expect(calls.run({}, () => log.push('never'), stop.signal)).rejects.toBe(reason)
    expect(log).toHaveLength(2)
  })

  test('end: those under way are waited for, those that wait too, later ones are refused', async () => {
    const calls = rowCalls()
    const log: string[] = []
    const [one, two] = [work(log, 'one'), work(log, 'two')]
    const done = [calls.run({ write: ids(1) }, one.run), calls.run({ write: ids(1) }, two.run)]
    const ended = calls.end().then(() => log.push('ended'))
    await expect(calls.run({}, () => 'never')).rejects.toThrow('already disposed')
    one.end()
    two.end()
    await Promise.all([...done, ended])
    expect(log).toEqual(['one begins', 'one ends', 'two begins', 'two ends', 'ended'])
  })
})

describe('checks', () => {
  test.each<[number[], number, string]>([
    [[0, 10], 8, 'row 10 is not one of 10'],
    [[3, 2], 8, 'row 2 comes after row 3'],
    [[3, 3], 8, 'row 3 comes after row 3'],
    [[3], 8, '8 bytes for 1 rows of 4'],
  ])('rows %j in %i bytes', (list, bytes, message) => {
    let error: unknown
    try {
      checkRows({ rows: 10, rowBytes: 4 }, Uint32Array.from(list), new Uint8Array(bytes))
    } catch (thrown) {
      error = thrown
    }
    expect(StemkitError.isInstance(error) && error.code).toBe('bad-input')
    expect(String(error)).toContain(message)
  })

  test('let good rows and names pass', () => {
    checkRows({ rows: 10, rowBytes: 4 }, ids(0, 1, 9), new Uint8Array(12))
    checkRows({ rows: 10, rowBytes: 4 }, ids(), new Uint8Array(0))
    for (const name of ['a', '0', 'root', 'v1.2-x', 'a..b']) checkMetaName(name)
    for (const name of ['', 'A', '.a', 'a/b', 'a\n']) expect(() => checkMetaName(name)).toThrow('is no name')
  })
})

test('rows that are too many for 32-bit numbers, too large for their medium, or no whole number cannot be made', () => {
  checkGeometry({ rows: 0, rowBytes: 1 }, 'x', 100)
  checkGeometry({ rows: 2 ** 32, rowBytes: 100 }, 'x', 100)
  for (const rows of [-1, 0.5, 2 ** 32 + 1, Number.NaN]) {
    expect(() => checkGeometry({ rows, rowBytes: 1 }, 'x', 100)).toThrow(
      `x: ${rows} rows, there may be 0 to 4294967296`,
    )
  }
  for (const rowBytes of [0, -1, 0.5, 101]) {
    const check = () => checkGeometry({ rows: 1, rowBytes }, 'x', 100)
    expect(check).toThrow(`x: rows of ${rowBytes} bytes, they may have 1 to 100`)
  }
})
