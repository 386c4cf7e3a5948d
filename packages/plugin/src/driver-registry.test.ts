import type { OpenRowsOptions, RowDriver } from '@stemkit/spec/row-driver'
import { expect, test } from 'vitest'
import { createDriverRegistry } from './index.ts'

const driver: RowDriver = {
  rows: 3,
  rowBytes: 4,
  durability: 'none',
  read: async (ids, into) => void into.fill(ids.length),
  dispose: async () => {},
}
const opened: [string, OpenRowsOptions | undefined][] = []
const open = async (url: string, options?: OpenRowsOptions): Promise<RowDriver> => {
  opened.push([url, options])
  return driver
}
const builtIn = { name: 'stemkit', drivers: { file: open, redis: open } }

test('opens a URL with the driver of its scheme, whatever its case', async () => {
  const registry = createDriverRegistry([builtIn, { name: 'mine', drivers: { 'my+rows': open } }, { name: 'none' }])
  expect(registry.schemes).toEqual(['file', 'redis', 'my+rows'])
  expect(await registry.open('my+rows://host/x', { readOnly: true })).toBe(driver)
  expect(await registry.open('FILE:./rows')).toBe(driver)
  expect(opened).toEqual([
    ['my+rows://host/x', { readOnly: true }],
    ['FILE:./rows', undefined],
  ])
})

test('an unknown scheme is answered with the known ones, and never with the URL, which may hold a password', async () => {
  const registry = createDriverRegistry([builtIn])
  await expect(registry.open('rediss://me:secret@host')).rejects.toThrow(
    "no row driver for the URL scheme 'rediss'; did you mean 'redis'? (known are file, redis; others come with plugins)",
  )
  await expect(registry.open('postgresql://me:secret@host')).rejects.toThrow(
    "no row driver for the URL scheme 'postgresql' (known are file, redis; others come with plugins)",
  )
  const noScheme = 'write a URL, as in file:rows.stem; known schemes are file, redis'
  for (const url of ['rows.stem', '', 'C:\\rows', '/rows']) await expect(registry.open(url)).rejects.toThrow(noScheme)
  await expect(createDriverRegistry([]).open('file:x')).rejects.toThrow('known are none;')
})

test('a scheme that is taken is refused', () => {
  expect(() => createDriverRegistry([builtIn, { name: 'mine', drivers: { file: open } }])).toThrow(
    "plugin mine: URL scheme 'file' is taken by stemkit; leave one of them out",
  )
})

test.each([undefined, {}, { ...driver, durability: undefined }, { ...driver, read: 1 }])(
  'what is no row driver is not handed out: %j',
  async (value) => {
    const drivers = { odd: async () => value as RowDriver }
    await expect(createDriverRegistry([{ name: 'mine', drivers }]).open('odd:')).rejects.toThrow(
      "plugin mine: 'odd' opened something that is no row driver; it needs rows, rowBytes, durability, read and dispose",
    )
  },
)
