import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { describe, expect, test } from 'vitest'
import { httpRows } from '../http/http-rows.ts'
import { serve } from '../http/testing/opened-rows.ts'
import { writeRows } from '../http/testing/row-folder.ts'
import { fileRows } from '../node/file-rows.ts'
import { layeredRows, type LayeredRows, type LayeredRowsOptions } from './layered-rows.ts'
import { memoryRows } from './memory-rows.ts'
import { contentOf, fileLayer, range, readOnlyRows, rowsOf, temporaryLayer, type Folder } from './testing/layers.ts'

const GEOMETRY = { rows: 50, rowBytes: 16 }
const [OLD, NEW] = [rowsOf(GEOMETRY, 1), rowsOf(GEOMETRY, 2)]
const CHANGED = new Uint8Array(16).fill(0xcc)

/** A file layer over a base, with the content of the base by default. */
const over = async (
  folder: Folder,
  base: RowDriver | Uint8Array,
  options: LayeredRowsOptions = {},
): Promise<LayeredRows> =>
  layeredRows(
    [await fileLayer(folder, GEOMETRY), base instanceof Uint8Array ? await readOnlyRows(GEOMETRY, base) : base],
    options,
  )

const idIs = (id: string): LayeredRowsOptions => ({ id: async () => id })

/** How many rows the file layer has without asking the base. */
async function warmRows(driver: LayeredRows, expected: Uint8Array): Promise<number> {
  const before = driver.stats()[0]!.read
  expect(await contentOf(driver)).toEqual(expected)
  return driver.stats()[0]!.read - before
}

describe('a file layer', () => {
  test('over HTTP is warm after a restart, and then needs the server for nothing', async () => {
    const { folder: served, server } = await serve()
    await writeRows(served, GEOMETRY, OLD)
    const folder = await temporaryLayer()
    const open = async (): Promise<LayeredRows> =>
      layeredRows([memoryRows(GEOMETRY), await fileLayer(folder, GEOMETRY), await httpRows(server.url)], {
        readOnly: true,
      })
    const first = await open()
    await contentOf(first, range(10, 50))
    await first.dispose()

    const second = await open()
    server.log.length = 0
    await contentOf(second, range(10, 50))
    expect(server.log).toEqual([])
    expect(await contentOf(second)).toEqual(OLD)
    expect(second.stats().map(({ read }) => read)).toEqual([40, 40, 10])
    await second.dispose()
  })

  test('is warm after a kill as far as it was flushed', async () => {
    const folder = await temporaryLayer()
    const driver = await over(folder, OLD)
    await contentOf(driver, range(0, 20))
    await driver.flush!()
    await contentOf(driver, range(0, 40))
    const left = await over(await folder.killed(), OLD)
    expect(await warmRows(left, OLD)).toBe(20)
  })

  test('is emptied when the base is another one', async () => {
    const folder = await temporaryLayer()
    const opened = async (content: Uint8Array, id: string): Promise<number> => {
      const driver = await over(folder, content, idIs(id))
      const warm = await warmRows(driver, content)
      await driver.dispose()
      return warm
    }
    expect(await opened(OLD, 'etag 1')).toBe(0)
    expect(await opened(OLD, 'etag 1')).toBe(50)
    expect(await opened(NEW, 'etag 2')).toBe(0)
    expect(await opened(NEW, 'etag 2')).toBe(50)
    expect(await opened(OLD, 'etag 1')).toBe(0)
  })

  test('is emptied for good, even if killed before it holds anything else', async () => {
    const folder = await temporaryLayer()
    const first = await over(folder, OLD, idIs('etag 1'))
    await contentOf(first)
    await first.dispose()
    const second = await over(folder, NEW, idIs('etag 2'))
    await contentOf(second, range(0, 10))
    const left = await folder.killed()
    await second.dispose()
    const third = await over(left, OLD, idIs('etag 1'))
    expect(await warmRows(third, OLD)).toBe(0)
  })

  test('knows a table by its root, if nobody says otherwise', async () => {
    const base = await temporaryLayer()
    const table = await fileRows(base.path, { create: GEOMETRY })
    const snapshot = async (content: Uint8Array): Promise<void> => {
      await table.write!(range(0, 50), content)
      await table.meta!.put!('root', Uint8Array.of(1))
      await table.flush!()
    }
    const folder = await temporaryLayer()
    const warm = async (content: Uint8Array): Promise<number> => {
      const driver = await over(folder, await fileRows(base.path, { readOnly: true }))
      const rows = await warmRows(driver, content)
      await driver.dispose()
      return rows
    }
    await snapshot(OLD)
    expect([await warm(OLD), await warm(OLD)]).toEqual([0, 50])
    await snapshot(NEW)
    expect([await warm(NEW), await warm(NEW)]).toEqual([0, 50])
    await table.dispose()
  })

  test('keeps changes over a base that can only be read, over restarts', async () => {
    const folder = await temporaryLayer()
    const first = await over(folder, OLD, idIs('etag 1'))
    await first.resize!(60)
    await first.write!(Uint32Array.of(7, 55), Uint8Array.of(...CHANGED, ...CHANGED))
    const version = await first.meta!.put!('root', Uint8Array.of(5))
    await first.flush!()
    const left = await folder.killed()
    await first.dispose()

    for (const place of [folder, left]) {
      const again = await over(place, OLD, idIs('etag 1'))
      const expected = new Uint8Array(60 * 16)
      expected.set(OLD)
      expected.set(CHANGED, 7 * 16)
      expected.set(CHANGED, 55 * 16)
      expect(again.rows).toBe(60)
      expect(await contentOf(again)).toEqual(expected)
      expect(await again.meta!.get('root')).toEqual({ bytes: Uint8Array.of(5), version })
      await again.dispose()
    }
  })

  test('with changes is refused over another base, and left as it is', async () => {
    const folder = await temporaryLayer()
    const first = await over(folder, OLD, idIs('etag 1'))
    await first.write!(Uint32Array.of(7), CHANGED)
    await first.dispose()
    await expect(over(folder, NEW, idIs('etag 2'))).rejects.toMatchObject({ code: 'conflict' })
    await expect(over(folder, memoryRows(GEOMETRY), idIs('etag 1'))).rejects.toMatchObject({ code: 'conflict' })
    const again = await over(folder, OLD, idIs('etag 1'))
    await again.dispose()
  })

  test('over a base that is written is warm after a flush, and emptied after a kill before it', async () => {
    const folder = await temporaryLayer()
    const base = memoryRows(GEOMETRY)
    const driver = await over(folder, { ...base, rows: 50, dispose: async () => {} })
    await driver.write!(range(0, 50), OLD)
    await driver.meta!.put!('root', Uint8Array.of(1))
    await driver.flush!()
    const flushed = await folder.killed()
    const reopen = async (place: Folder): Promise<LayeredRows> =>
      over(place, { ...base, rows: 50, dispose: async () => {} })
    expect(await warmRows(await reopen(flushed), OLD)).toBe(50)

    await driver.write!(Uint32Array.of(3), CHANGED)
    const unflushed = await folder.killed()
    // What the base had not flushed is lost, what the layer had not is there by chance.
    await base.write!(Uint32Array.of(3), OLD.subarray(48, 64))
    expect(await warmRows(await reopen(unflushed), OLD)).toBe(0)
    await base.write!(Uint32Array.of(3), CHANGED)

    await driver.flush!()
    await driver.write!(Uint32Array.of(3), OLD.subarray(48, 64))
    await driver.flush!()
    await driver.dispose()
    expect(await warmRows(await reopen(folder), OLD)).toBe(50)
  })

  test('over a layer with changes follows it', async () => {
    const [upper, lower] = [await temporaryLayer(), await temporaryLayer()]
    const base = (): Promise<RowDriver> => readOnlyRows(GEOMETRY, OLD)
    const both = async (): Promise<LayeredRows> =>
      layeredRows([await fileLayer(upper, GEOMETRY), await fileLayer(lower, GEOMETRY), await base()])
    const first = await both()
    await contentOf(first)
    await first.write!(Uint32Array.of(7), CHANGED)
    await first.flush!()
    await first.dispose()
    const expected = OLD.slice()
    expected.set(CHANGED, 7 * 16)
    const second = await both()
    expect(await warmRows(second, expected)).toBe(50)
    await second.dispose()

    const alone = await over(lower, await base())
    await alone.write!(Uint32Array.of(7), OLD.subarray(7 * 16, 8 * 16))
    await alone.flush!()
    await alone.dispose()
    const third = await both()
    expect(await warmRows(third, OLD)).toBe(0)
    await third.dispose()
  })

  test('is refused while somebody has it open, and as a table of its own', async () => {
    const folder = await temporaryLayer()
    const first = await over(folder, OLD)
    await expect(over(folder, OLD)).rejects.toMatchObject({ code: 'conflict' })
    await first.dispose()
    const again = await over(folder, OLD)
    await again.dispose()

    const table = await fileLayer(await temporaryLayer(), GEOMETRY)
    await table.meta!.put!('root', Uint8Array.of(1))
    await expect(layeredRows([table, await readOnlyRows(GEOMETRY)])).rejects.toThrow('a table was given as a layer')
  })

  test.each(['layer', 'layer.held.0'])('whose meta %s is damaged says so', async (name) => {
    const folder = await temporaryLayer()
    const first = await over(folder, OLD)
    await contentOf(first)
    await first.dispose()
    const file = await fileRows(folder.path)
    const { bytes } = (await file.meta!.get(name))!
    bytes[bytes.length >> 1]! ^= 1
    await file.meta!.put!(name, bytes)
    await file.dispose()
    await expect(over(folder, OLD)).rejects.toMatchObject({ code: 'corrupt' })
    // A file that was damaged as such is found by the file driver itself.
    await writeFile(join(folder.path, 'meta', name), 'nonsense')
    await expect(over(folder, OLD)).rejects.toMatchObject({ code: 'corrupt' })
  })
})
