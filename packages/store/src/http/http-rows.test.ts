import { join } from 'node:path'
import { rowDriverConformance } from '@stemkit/spec/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ROWS_FILE } from '../drivers/row-file.ts'
import { httpRows, openHttpRows } from './http-rows.ts'
import { fileRows } from '../node/file-rows.ts'
import { CONTENT, GEOMETRY, opened, quick, serve, settled } from './testing/opened-rows.ts'
import { putFile, rowBytesOf, rowFile, writeRows } from './testing/row-folder.ts'

describe('rows over http', () => {
  rowDriverConformance(test, {
    readOnly: true,
    open: async (geometry, { rows, metas }) => {
      const { folder, server } = await serve()
      await writeRows(folder, geometry, rows, metas)
      return httpRows(server.url)
    },
  })

  test('reads what the file driver wrote, rows and metas with their versions, and none of what was never put', async () => {
    const { folder, server } = await serve()
    const files = await fileRows(join(folder, 'table'), { create: GEOMETRY })
    const ids = Uint32Array.of(0, 7, 63)
    await files.write!(ids, CONTENT.subarray(0, 3 * 4096))
    const version = await files.meta!.put!('root', Uint8Array.of(5, 6))
    await files.flush!()
    await files.dispose()

    const driver = await httpRows(`${server.url}/table`)
    expect(driver).toMatchObject(GEOMETRY)
    const into = new Uint8Array(3 * 4096)
    await driver.read(ids, into)
    expect(into).toEqual(CONTENT.subarray(0, 3 * 4096))
    await driver.read(Uint32Array.of(1, 2, 62), into)
    expect(into.every((byte) => byte === 0)).toBe(true)
    expect(await driver.meta!.get('root')).toEqual({ bytes: Uint8Array.of(5, 6), version })
  })

  test('any rows are the bytes of the file, in as many requests as predicted and none too large', async () => {
    const { folder, server } = await serve()
    const geometry = { rows: 200, rowBytes: 48 }
    const content = rowBytesOf(geometry)
    await writeRows(folder, geometry, content)
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(199), { maxLength: 40 }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 9 }),
        async (unsorted, gapRows, mostRows, concurrency) => {
          const ids = Uint32Array.from(unsorted).toSorted()
          const mostRequestBytes = mostRows * 48 + 5
          const driver = await httpRows(server.url, { gapBytes: gapRows * 48, mostRequestBytes, concurrency })
          server.log.length = 0
          const before = driver.traffic.bytes
          const into = new Uint8Array(ids.length * 48)
          await driver.read(ids, into)
          await driver.dispose()

          expect([...into]).toEqual([...ids].flatMap((id) => [...content.subarray(id * 48, (id + 1) * 48)]))
          let predicted = 0
          let first = -Infinity
          let last = -Infinity
          for (const id of ids) {
            if (id - last - 1 > gapRows || id + 1 - first > mostRows) {
              predicted++
              first = id
            }
            last = id
          }
          expect(server.log).toHaveLength(predicted)
          const sizes = server.log.map(({ range }) => range![1] + 1 - range![0])
          expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(mostRequestBytes)
          expect(driver.traffic.bytes - before).toBe(sizes.reduce((sum, size) => sum + size, 0))
          expect(server.log.every(({ headers }) => headers['if-match']?.startsWith('"'))).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
    expect(server.mostAtOnce()).toBeLessThanOrEqual(9)
  })

  test('the gap that is read over by default shrinks as more requests run at a time', async () => {
    const ids = [0, 16, 48]
    const two = await opened({ concurrency: 8 })
    await two.read(...ids)
    expect(two.server.log).toHaveLength(2)
    const one = await opened({ concurrency: 1 })
    await one.read(...ids)
    expect(one.server.log).toHaveLength(1)
  })

  test('no more requests run at a time than allowed, over all reads together', async () => {
    const { server, read } = await opened({ concurrency: 3, gapBytes: 0 })
    await Promise.all(Array.from({ length: 6 }, (_, i) => read(i, i + 10, i + 20, i + 30)))
    expect(server.log).toHaveLength(24)
    expect(server.mostAtOnce()).toBe(3)
  })

  test('query, headers and password reach every file; errors show neither query nor password', async () => {
    const { folder, server } = await serve()
    await writeRows(folder, GEOMETRY, CONTENT, { root: Uint8Array.of(7) })
    const secret = server.url.replace('//', '//ann:s%C3%A9cret@') + '/?signature=abc#x'
    const driver = await httpRows(secret, { headers: { 'x-tenant': 'one' } })
    expect((await driver.meta!.get('root'))!.bytes).toEqual(Uint8Array.of(7))
    expect(server.log.map(({ path }) => path)).toEqual(['/rows.bin?signature=abc', '/meta/root?signature=abc'])
    for (const { headers } of server.log) {
      expect(headers).toMatchObject({ 'x-tenant': 'one', authorization: `Basic ${btoa('ann:s\u00c3\u00a9cret')}` })
    }
    server.failAll({ status: 404 })
    const error = await driver.read(Uint32Array.of(1), new Uint8Array(4096)).catch(String)
    expect(error).toContain(`${server.url}/rows.bin: the server answered 404`)
    expect(error).not.toMatch(/signature|cret/)
    expect(driver.where).toBe(`${server.url}/rows.bin`)
  })

  test('opens by URL, but makes nothing', async () => {
    const { server } = await opened()
    const driver = await openHttpRows(server.url, { readOnly: true })
    expect(driver).toMatchObject({ ...GEOMETRY, durability: 'power' })
    await expect(openHttpRows(`${server.url}/x`, { create: GEOMETRY })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(openHttpRows('ftp://example.org/x')).rejects.toThrow('begins with ftp:')
    await expect(openHttpRows('rows')).rejects.toMatchObject({ code: 'bad-input' })
    await expect(httpRows(server.url, { concurrency: 0 })).rejects.toThrow('concurrency is 0')
  })
})

describe('what is not there, or no rows', () => {
  test.each([403, 404, 410])('%i for rows is not-found, for a meta nothing', async (status) => {
    const { server, driver } = await opened()
    server.failAll({ status })
    await expect(httpRows(server.url, quick)).rejects.toMatchObject({ code: 'not-found' })
    expect(await driver.meta!.get('root')).toBeUndefined()
    expect(server.log).toHaveLength(2)
  })

  test('401 says what to pass', async () => {
    const { server } = await opened()
    server.failAll({ status: 401 })
    await expect(httpRows(server.url, quick)).rejects.toThrow("pass credentials in 'headers'")
  })

  test.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'the file is empty'],
    ['a short file', new Uint8Array(100), 'the header is damaged'],
    ['another file', new Uint8Array(9000).fill(65), 'the header is damaged'],
    ['a file that was cut', rowFile(GEOMETRY, CONTENT).subarray(0, -1), 'its end is missing'],
  ])('%s is corrupt', async (_, bytes, message) => {
    const { folder, server } = await serve()
    await putFile(folder, ROWS_FILE, bytes)
    await expect(httpRows(server.url, quick)).rejects.toMatchObject({ code: 'corrupt' })
    await expect(httpRows(server.url, quick)).rejects.toThrow(message)
  })

  test('a meta with a flipped byte is corrupt', async () => {
    const { folder, driver } = await opened()
    await putFile(folder, 'meta/root', new Uint8Array(40))
    await expect(driver.meta!.get('root')).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('a server that cannot be reached is an io error, which says why', async () => {
    const { server } = await serve()
    await server.close()
    await expect(httpRows(server.url, { retries: 1 })).rejects.toThrow(/ECONNREFUSED.*\(attempt 2 of 2\)/)
  })
})

describe('a server that does not do ranges right is refused, and nothing is downloaded', () => {
  test('the whole file instead of a range', async () => {
    const { folder, server } = await serve()
    const geometry = { rows: 4096, rowBytes: 4096 }
    await writeRows(folder, geometry, new Uint8Array(2 ** 24))
    server.failAll({ ignoreRange: true })
    await expect(httpRows(server.url, quick)).rejects.toThrow('it has to support range requests')
    expect(await settled(server)).toMatchObject([{ status: 200, outcome: 'cut' }])
  })

  test.each<[string, Record<string, string>]>([
    ['another range', { 'content-range': 'bytes 4097-8192/266240' }],
    ['less than the range', { 'content-range': 'bytes 8192-12286/266240' }],
    ['a range of a file of unknown length', { 'content-range': 'bytes 8192-12287/*' }],
    ['no range', { 'content-range': 'what?' }],
    ['a compressed range', { 'content-encoding': 'br' }],
  ])('%s', async (_, headers) => {
    const { server, driver, read } = await opened()
    server.failAll({ headers })
    await expect(read(1)).rejects.toMatchObject({ code: 'unsupported' })
    expect(driver.traffic.retries).toBe(0)
    expect(server.log).toHaveLength(1)
  })

  test('neither an ETag nor a date', async () => {
    const { folder, server } = await serve({ validators: 'none' })
    await writeRows(folder, GEOMETRY, CONTENT)
    await expect(httpRows(server.url, quick)).rejects.toThrow('lacks ETag and Last-Modified')
  })
})
