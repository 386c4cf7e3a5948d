import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowGeometry } from '@stemkit/spec/row-driver'
import { rowDriverConformance } from '@stemkit/spec/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { fileRows, type FileRowsOptions } from '../node.ts'
import { nodeFileSystem } from './file-system.ts'
import { intercept } from './testing/intercept.ts'
import { seededRandom } from './testing/random.ts'
import { uniqueBytes } from './testing/use-rows.ts'

const dir = mkdtempSync(join(tmpdir(), 'stemkit-rows-'))
afterAll(() => rmSync(dir, { recursive: true }))
let made = 0
const newPath = (): string => join(dir, `rows-${made++}`)

describe('rows in a file', () => {
  const paths = new Map<RowDriver, string>()
  const open = async (path: string, options: Parameters<typeof fileRows>[1] = {}): Promise<RowDriver> => {
    const driver = await fileRows(path, options)
    paths.set(driver, path)
    return driver
  }
  rowDriverConformance(test, {
    open: (create) => open(newPath(), { create }),
    reopen: (driver) => open(paths.get(driver)!),
  })
})

describe('rows in a file, opened read-only', () => {
  rowDriverConformance(test, {
    readOnly: true,
    async open(create, { rows, metas }) {
      const path = newPath()
      const driver = await fileRows(path, { create })
      await driver.write!(
        Uint32Array.from({ length: create.rows }, (_, id) => id),
        rows,
      )
      for (const [name, bytes] of Object.entries(metas)) await driver.meta!.put!(name, bytes)
      await driver.dispose()
      return fileRows(path, { readOnly: true })
    },
  })
})

describe('a folder of rows', () => {
  test('is made once: by one of those that race for it, and not over rows that are there', async () => {
    const path = newPath()
    const racing = [4, 5, 6].map((rows) => fileRows(path, { create: { rows, rowBytes: 8 } }))
    const results = await Promise.allSettled(racing)
    const winners = results.filter((result) => result.status === 'fulfilled')
    expect(winners.length).toBe(1)
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({
          code: 'conflict',
          message: `${path}/rows.bin: there are rows already; open them, or choose another folder`,
        })
      }
    }
    expect(readdirSync(path).toSorted()).toEqual(['meta', 'rows.bin'])
    await winners[0]!.value.dispose()
  })

  test('is not found where there is none, and is made with the folders above it', async () => {
    const path = join(newPath(), 'a', 'b')
    await expect(fileRows(path)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(`${path}/rows.bin: cannot be opened: ENOENT`),
    })
    const driver = await fileRows(path, { create: { rows: 0, rowBytes: 8 } })
    await driver.resize!(1)
    await driver.dispose()
  })

  test('is refused where asked for the impossible', async () => {
    const create = { rows: 1, rowBytes: 8 }
    const impossible: FileRowsOptions[] = [
      { create: { rows: -1, rowBytes: 8 } },
      { create: { rows: 1, rowBytes: 0 } },
      { create: { rows: 2 ** 33, rowBytes: 8 } },
      { create, readOnly: true },
      { create, queueDepth: 0 },
      { create, queueDepth: 1.5 },
    ]
    for (const options of impossible) {
      const path = newPath()
      await expect(fileRows(path, options)).rejects.toMatchObject({ code: 'bad-input' })
      expect(existsSync(path)).toBe(false)
    }
    await expect(fileRows(newPath(), { create, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    )
  })

  test('is opened read-only where nothing may be written, and then offers nothing that writes', async () => {
    const path = newPath()
    await (await fileRows(path, { create: { rows: 2, rowBytes: 8 } })).dispose()
    const before = readdirSync(path, { recursive: true })
    const files = intercept(nodeFileSystem, async (operation, work) => {
      const writes =
        operation.name === 'open' ? operation.args[1] !== 'read' : !['read', 'size', 'close'].includes(operation.name)
      if (writes) throw new Error(`${operation.name} of rows opened read-only`)
      return work()
    })
    const driver = await fileRows(path, { readOnly: true, files })
    const verbs = ['dispose', 'durability', 'inParts', 'meta', 'read', 'rowBytes', 'rows', 'where']
    expect(Object.keys(driver).toSorted()).toEqual(verbs)
    expect(Object.keys(driver.inParts!)).toEqual(['read'])
    expect(Object.keys(driver.meta!)).toEqual(['get'])
    await driver.read(Uint32Array.of(0, 1), new Uint8Array(16))
    await driver.dispose()
    expect(readdirSync(path, { recursive: true })).toEqual(before)
  })

  test('is sparse: rows never written take no room, and may lie beyond 4 GiB', async () => {
    const path = newPath()
    const rowBytes = 64 * 1024
    const driver = await fileRows(path, { create: { rows: 200_000, rowBytes } })
    const ids = Uint32Array.of(0, 65_536, 131_071, 199_999)
    const from = uniqueBytes(4 * rowBytes, seededRandom(1))
    await driver.write!(ids, from)
    const into = new Uint8Array(4 * rowBytes)
    await driver.read(ids, into)
    expect(Buffer.compare(into, from)).toBe(0)
    expect(statSync(join(path, 'rows.bin')).size).toBe(4096 + 200_000 * rowBytes)
    expect(statSync(join(path, 'rows.bin')).blocks * 512).toBeLessThan(2 ** 20)
    await driver.dispose()
  })
})

describe('reading and writing rows in a file', () => {
  /** Rows `[0, rows)` with bytes of their own, and every operation on their file. */
  const watched = async (geometry: RowGeometry, options: FileRowsOptions = {}) => {
    const operations: { name: string; bytes: number }[] = []
    const now = { underWay: 0, most: 0 }
    const files = intercept(nodeFileSystem, async ({ name, args }, work) => {
      if (name !== 'read' && name !== 'write') return work()
      const parts = args[0] as Uint8Array[]
      operations.push({ name, bytes: parts.reduce((sum, part) => sum + part.length, 0) })
      now.most = Math.max(now.most, ++now.underWay)
      return work().finally(() => now.underWay--)
    })
    const path = newPath()
    const content = uniqueBytes(geometry.rows * geometry.rowBytes, seededRandom(1))
    const first = await fileRows(path, { create: geometry })
    await first.write!(range(geometry.rows), content)
    await first.dispose()
    const driver = await fileRows(path, { ...options, files })
    operations.length = 0
    const expected = (ids: Uint32Array): Uint8Array => {
      const { rowBytes } = geometry
      const bytes = new Uint8Array(ids.length * rowBytes)
      ids.forEach((id, i) => bytes.set(content.subarray(id * rowBytes, (id + 1) * rowBytes), i * rowBytes))
      return bytes
    }
    return { driver, operations, now, expected }
  }

  test('reads neighbours at once, and over gaps of up to 16 KiB, straight into the block', async () => {
    const { driver, operations, expected } = await watched({ rows: 100, rowBytes: 8192 })
    const ids = Uint32Array.of(0, 1, 2, 10, 13, 50, 54)
    const into = new Uint8Array(ids.length * 8192)
    await driver.read(ids, into)
    expect(Buffer.compare(into, expected(ids))).toBe(0)
    expect(operations.map(({ bytes }) => bytes / 8192)).toEqual([3, 4, 1, 1])
    await driver.dispose()
  })

  test('writes neighbours at once, and nothing between', async () => {
    const { driver, operations } = await watched({ rows: 100, rowBytes: 8192 })
    await driver.write!(Uint32Array.of(0, 1, 2, 10, 12), new Uint8Array(5 * 8192))
    expect(operations.map(({ bytes }) => bytes / 8192)).toEqual([3, 1, 1])
    await driver.dispose()
  })

  test('takes at most half a MiB at once, or one row', async () => {
    const { driver, operations } = await watched({ rows: 10, rowBytes: 200_000 })
    await driver.read(range(10), new Uint8Array(2_000_000))
    expect(operations.map(({ bytes }) => bytes)).toEqual(Array(5).fill(400_000))
    await driver.dispose()
    const large = await watched({ rows: 3, rowBytes: 2 ** 20 })
    await large.driver.read(range(3), new Uint8Array(3 * 2 ** 20))
    expect(large.operations.map(({ bytes }) => bytes)).toEqual(Array(3).fill(2 ** 20))
    await large.driver.dispose()
  })

  test('has as many operations under way as the queue is deep, over all calls', async () => {
    const { driver, now } = await watched({ rows: 200, rowBytes: 40_000 }, { queueDepth: 3 })
    const ids = range(200).filter((id) => id % 2 === 0)
    const blocks = [1, 2, 3].map(() => new Uint8Array(ids.length * 40_000))
    await Promise.all(blocks.map((into) => driver.read(ids, into)))
    expect(now.most).toBe(3)
    await driver.dispose()
  })

  test('reads thousands of narrow rows with gaps, more than one system call takes', async () => {
    const { driver, expected } = await watched({ rows: 40_000, rowBytes: 8 })
    const ids = range(40_000).filter((id) => id % 3 !== 0)
    const into = new Uint8Array(ids.length * 8)
    await driver.read(ids, into)
    expect(Buffer.compare(into, expected(ids))).toBe(0)
    await driver.dispose()
  })

  test('reads into shared memory and writes from it', async () => {
    const { driver, expected } = await watched({ rows: 20, rowBytes: 4096 })
    const ids = Uint32Array.of(3, 4, 6, 19)
    const into = new Uint8Array(new SharedArrayBuffer(4 * 4096))
    await driver.read(ids, into)
    expect(Buffer.compare(into, expected(ids))).toBe(0)
    const others = Uint32Array.of(0, 1, 2, 8)
    await driver.write!(others, into)
    const again = new Uint8Array(4 * 4096)
    await driver.read(others, again)
    expect(Buffer.compare(again, into)).toBe(0)
    await driver.dispose()
  })

  test('goes on where the system reads or writes less than it was asked to', async () => {
    const files = intercept(nodeFileSystem, async ({ name, file, args }, work) => {
      const at = args[1] as number
      const [first] = [args[0]].flat() as Uint8Array[]
      if (name === 'write') return file!.write([first!.subarray(0, 1000)], at) as ReturnType<typeof work>
      if (name === 'read') return file!.read([first!.subarray(0, 777)], at) as ReturnType<typeof work>
      return work()
    })
    const driver = await fileRows(newPath(), { create: { rows: 30, rowBytes: 3001 }, files })
    const ids = range(30).filter((id) => id % 4 !== 1)
    const from = uniqueBytes(ids.length * 3001, seededRandom(1))
    await driver.write!(ids, from)
    const into = new Uint8Array(from.length)
    await driver.read(ids, into)
    expect(Buffer.compare(into, from)).toBe(0)
    await driver.dispose()
  })

  describe('in parts', () => {
    /** Each row as two parts of a larger piece of memory, far from where its neighbours go. */
    const apart = (memory: Uint8Array, count: number, rowBytes: number): Uint8Array[] =>
      Array.from({ length: count }, (_, i) => {
        const start = (count - 1 - i) * 2 * rowBytes
        const cut = start + rowBytes - 20
        return [memory.subarray(start, cut), memory.subarray(cut + 40, cut + 60)]
      }).flat()

    test('reads rows to where they belong, and writes them from there', async () => {
      const { driver, operations, expected } = await watched({ rows: 100, rowBytes: 5000 })
      const ids = Uint32Array.of(0, 1, 2, 5, 50, 99)
      const memory = new Uint8Array(ids.length * 10_000)
      const parts = apart(memory, ids.length, 5000)
      const arrived: number[] = []
      const onRows = (from: number, count: number): void => {
        for (let i = from; i < from + count; i++) arrived.push(i)
      }
      await driver.inParts!.read(ids, parts, { onRows })
      expect(Buffer.compare(Buffer.concat(parts), expected(ids))).toBe(0)
      expect(arrived.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5])
      expect(operations.map(({ bytes }) => bytes / 5000)).toEqual([6, 1, 1])

      const others = Uint32Array.of(7, 8, 9, 20, 21, 40)
      await driver.inParts!.write!(others, parts)
      const again = new Uint8Array(6 * 5000)
      await driver.read(others, again)
      expect(Buffer.compare(again, expected(ids))).toBe(0)
      await driver.dispose()
    })

    test('rejects with what is thrown on the way, and refuses parts that make no rows', async () => {
      const { driver } = await watched({ rows: 10, rowBytes: 100 })
      const parts = apart(new Uint8Array(400), 2, 100)
      const onRows = (): never => {
        throw new StemkitError('corrupt', 'of the test')
      }
      await expect(driver.inParts!.read(Uint32Array.of(1, 2), parts, { onRows })).rejects.toThrow('of the test')
      for (const wrong of [parts.slice(1), parts.slice(0, 2), parts.toSorted((a, b) => b.length - a.length)]) {
        await expect(driver.inParts!.write!(Uint32Array.of(1, 2), wrong)).rejects.toMatchObject({ code: 'bad-input' })
      }
      await expect(driver.inParts!.read(Uint32Array.of(2, 1), parts)).rejects.toMatchObject({ code: 'bad-input' })
      await expect(driver.inParts!.read(Uint32Array.of(2, 10), parts)).rejects.toMatchObject({ code: 'bad-input' })
      await driver.dispose()
    })
  })

  test('flushes only if something was written', async () => {
    let syncs = 0
    const files = intercept(nodeFileSystem, (operation, work) => {
      if (operation.name === 'sync') syncs++
      return work()
    })
    const driver = await fileRows(newPath(), { create: { rows: 3, rowBytes: 8 }, files })
    syncs = 0
    await driver.flush!()
    expect(syncs).toBe(0)
    await driver.write!(Uint32Array.of(1), new Uint8Array(8))
    await Promise.all([driver.flush!(), driver.flush!()])
    expect(syncs).toBe(1)
    await driver.dispose()
  })
})

const range = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, id) => id)
