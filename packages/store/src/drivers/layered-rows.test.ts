import type { RowDriver } from '@stemkit/spec/row-driver'
import { rowDriverConformance } from '@stemkit/spec/testing'
import { describe, expect, test } from 'vitest'
import { httpRows } from '../http/http-rows.ts'
import { serve } from '../http/testing/opened-rows.ts'
import { writeRows } from '../http/testing/row-folder.ts'
import { fileRows } from '../node/file-rows.ts'
import { layeredRows } from './layered-rows.ts'
import { memoryRows } from './memory-rows.ts'
import { contentOf, fileLayer, range, readOnlyRows, rowsOf, temporaryLayer, type Folder } from './testing/layers.ts'

const GEOMETRY = { rows: 10, rowBytes: 4 }

describe('memory over memory', () => {
  rowDriverConformance(test, { open: (geometry) => layeredRows([memoryRows(geometry), memoryRows(geometry)]) })
})

describe('memory over a file', () => {
  const folders = new Map<RowDriver, Folder>()
  rowDriverConformance(test, {
    async open(geometry) {
      const folder = await temporaryLayer()
      const driver = await layeredRows([memoryRows(geometry), await fileRows(folder.path, { create: geometry })])
      folders.set(driver, folder)
      return driver
    },
    async reopen(before) {
      const file = await fileRows(folders.get(before)!.path)
      const driver = await layeredRows([memoryRows(file), file])
      folders.set(driver, folders.get(before)!)
      return driver
    },
  })
})

describe('a file over memory that is written', () => {
  rowDriverConformance(test, {
    open: async (geometry) => layeredRows([await fileLayer(await temporaryLayer(), geometry), memoryRows(geometry)]),
  })
})

describe('memory over a file over rows that can only be read, written', () => {
  const alone = 'a layer that holds changes is locked as long as it is open'
  rowDriverConformance(test, {
    open: async (geometry) =>
      layeredRows([
        memoryRows(geometry),
        await fileLayer(await temporaryLayer(), geometry),
        await readOnlyRows(geometry),
      ]),
    exempt: { 'rows: reports its geometry and durability': `nobody can open it beside: ${alone}` },
  })
})

describe('memory over a file over HTTP, read', () => {
  rowDriverConformance(test, {
    readOnly: true,
    async open(geometry, { rows, metas }) {
      const { folder, server } = await serve()
      await writeRows(folder, geometry, rows, metas)
      const layers = [memoryRows(geometry), await fileLayer(await temporaryLayer(), geometry)]
      return layeredRows([...layers, await httpRows(server.url)], { readOnly: true })
    },
  })
})

describe('rows in layers', () => {
  test('are taken from the first layer that holds them, and copied into those above', async () => {
    const base = await readOnlyRows(GEOMETRY, rowsOf(GEOMETRY, 1))
    const driver = await layeredRows([memoryRows(GEOMETRY), memoryRows(GEOMETRY), base], { readOnly: true })
    const counts = () => driver.stats().map(({ read, filled }) => [read, filled])
    expect(await contentOf(driver, Uint32Array.of(1, 2, 3))).toEqual(rowsOf(GEOMETRY, 1).subarray(4, 16))
    expect(counts()).toEqual([
      [0, 3],
      [0, 3],
      [3, 0],
    ])
    expect(await contentOf(driver)).toEqual(rowsOf(GEOMETRY, 1))
    expect(counts()).toEqual([
      [3, 10],
      [0, 10],
      [10, 0],
    ])
    await contentOf(driver)
    expect(counts()[0]).toEqual([13, 10])
    await driver.dispose()
  })

  test('are the same, whichever layers hold which of them', async () => {
    const content = rowsOf(GEOMETRY, 1)
    for (let held = 0; held < 3 ** 5; held++) {
      const [top, middle] = [memoryRows(GEOMETRY), memoryRows(GEOMETRY)]
      const lower = await layeredRows([middle, await readOnlyRows(GEOMETRY, content)])
      const driver = await layeredRows([top, lower])
      const digits = Array.from({ length: 5 }, (_, i) => Math.floor(held / 3 ** i) % 3)
      const at = (digit: number): Uint32Array => range(0, 5).filter((id) => digits[id] === digit)
      await contentOf(driver, at(2))
      await contentOf(lower, at(1))
      const ids = Uint32Array.of(0, 1, 2, 3, 4, 8)
      const into = await contentOf(driver, ids)
      expect(into).toEqual(Uint8Array.from([...content.subarray(0, 20), ...content.subarray(32, 36)]))
      expect(driver.stats().map(({ read }) => read)).toEqual([at(2).length, 6 - at(2).length + at(2).length])
      await driver.dispose()
    }
  })

  test('that are written go to a base that can be written, and to all above', async () => {
    const [top, base] = [memoryRows(GEOMETRY), memoryRows(GEOMETRY)]
    const driver = await layeredRows([top, base])
    const ids = Uint32Array.of(2, 5)
    await driver.write!(ids, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
    expect(await contentOf(base, ids)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
    expect(await contentOf(driver, ids)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
    expect(driver.stats().map(({ read }) => read)).toEqual([2, 0])
    await driver.meta!.put!('root', Uint8Array.of(1))
    expect((await base.meta!.get('root'))?.bytes).toEqual(Uint8Array.of(1))
  })

  test('over a base that can only be read leave it as it is', async () => {
    const metas = { root: Uint8Array.of(1), old: Uint8Array.of(2) }
    const base = await readOnlyRows(GEOMETRY, rowsOf(GEOMETRY, 1), metas)
    const driver = await layeredRows([memoryRows(GEOMETRY), memoryRows(GEOMETRY), base])
    await driver.write!(Uint32Array.of(3), Uint8Array.of(9, 9, 9, 9))
    await driver.resize!(12)
    await driver.write!(Uint32Array.of(11), Uint8Array.of(8, 8, 8, 8))
    const expected = [...rowsOf(GEOMETRY, 1), 0, 0, 0, 0, 8, 8, 8, 8]
    expected.splice(12, 4, 9, 9, 9, 9)
    expect([...(await contentOf(driver))]).toEqual(expected)
    expect(await contentOf(base)).toEqual(rowsOf(GEOMETRY, 1))

    const shown = (await driver.meta!.get('root'))!
    expect(shown.bytes).toEqual(Uint8Array.of(1))
    const code = { code: 'conflict' }
    await expect(driver.meta!.put!('root', Uint8Array.of(7), { ifVersion: null })).rejects.toMatchObject(code)
    await driver.meta!.put!('root', Uint8Array.of(7), { ifVersion: shown.version })
    await expect(driver.meta!.put!('root', Uint8Array.of(8), { ifVersion: shown.version })).rejects.toMatchObject(code)
    expect((await driver.meta!.get('root'))?.bytes).toEqual(Uint8Array.of(7))
    await driver.meta!.remove!('old')
    expect(await driver.meta!.get('old')).toBeUndefined()
    await driver.meta!.put!('old', Uint8Array.of(3), { ifVersion: null })
    expect((await driver.meta!.get('old'))?.bytes).toEqual(Uint8Array.of(3))
    expect((await base.meta!.get('old'))?.bytes).toEqual(Uint8Array.of(2))
  })

  test('are read from below where a layer cannot take them', async () => {
    const top = memoryRows(GEOMETRY)
    const full: RowDriver = { ...top, rows: GEOMETRY.rows, write: () => Promise.reject(new Error('the disk is full')) }
    const driver = await layeredRows([full, memoryRows(GEOMETRY)])
    await driver.write!(range(0, 10), rowsOf(GEOMETRY, 1))
    expect(await contentOf(driver)).toEqual(rowsOf(GEOMETRY, 1))
    expect(driver.stats()).toEqual([
      { read: 0, filled: 0, unfilled: 20 },
      { read: 10, filled: 0, unfilled: 0 },
    ])
  })

  test('refuse layers that do not fit, and leave them open', async () => {
    const base = await readOnlyRows(GEOMETRY)
    await expect(layeredRows([base])).rejects.toThrow('1 layers, it takes two or more')
    await expect(layeredRows([memoryRows({ rows: 10, rowBytes: 8 }), base])).rejects.toThrow('rows of 8 and 4 bytes')
    await expect(layeredRows([memoryRows({ rows: 11, rowBytes: 4 }), base])).rejects.toThrow('11 rows')
    await expect(layeredRows([base, base])).rejects.toThrow('is read-only')
    const fixed = memoryRows({ rows: 3, rowBytes: 4, buffer: new ArrayBuffer(12) })
    await expect(layeredRows([fixed, base])).rejects.toThrow('has 3 rows, what lies below has 10')
    expect(await contentOf(fixed)).toEqual(new Uint8Array(12))
    const grown = await layeredRows([memoryRows({ rows: 3, rowBytes: 4 }), base])
    expect(grown.rows).toBe(10)
    const shut = AbortSignal.abort(new Error('enough'))
    await expect(layeredRows([memoryRows(GEOMETRY), base], { signal: shut })).rejects.toThrow('enough')
  })
})
