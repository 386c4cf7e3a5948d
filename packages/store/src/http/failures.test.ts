import { describe, expect, test } from 'vitest'
import { ROW_HEADER_BYTES, ROWS_FILE } from '../drivers/row-file.ts'
import { httpRows } from './http-rows.ts'
import { CONTENT, GEOMETRY, opened, quick, row, settled } from './testing/opened-rows.ts'
import { putFile, rowFile } from './testing/row-folder.ts'

describe('failures that may pass', () => {
  test('408, 425, 429 and 5xx are tried again', async () => {
    const { server, driver, read } = await opened()
    const statuses = [408, 425, 429, 500, 502, 503, 504]
    for (const status of statuses) {
      server.fail({ status })
      expect(await read(3)).toEqual(row(3))
    }
    expect(driver.traffic).toMatchObject({ requests: 1 + 2 * statuses.length, retries: statuses.length })
    expect((await settled(server)).map(({ status }) => status)).toEqual(statuses.flatMap((status) => [status, 206]))
  })

  test('with waits that grow, and not for ever', async () => {
    const { server, read } = await opened()
    server.failAll({ status: 500 })
    await expect(read(3)).rejects.toThrow(/rows.bin: the server answered 500 .*\(attempt 4 of 4\)/)
    const times = server.log.map(({ at }) => at)
    const waits = times.slice(1).map((at, i) => at - times[i]!)
    expect(waits).toHaveLength(3)
    for (const [i, wait] of waits.entries()) expect(wait).toBeGreaterThan(45 * 2 ** i)
  })

  test('429 and 503 with Retry-After are left alone for as long as they say', async () => {
    const { server, read } = await opened({ gapBytes: 0 })
    const headers = { 'retry-after': '1' }
    server.fail({ status: 429, headers }, { status: 503, headers })
    expect(await read(3, 20)).toEqual(new Uint8Array([...row(3), ...row(20)]))
    expect(server.log.map(({ status }) => status)).toEqual([429, 503, 206, 206])
    expect(server.log[2]!.at - server.log[1]!.at).toBeGreaterThan(990)
  })

  test('Retry-After may be a date; who asks for hours is not waited for', async () => {
    const { server, read } = await opened()
    server.fail({ status: 503, headers: { 'retry-after': new Date(Date.now() - 5000).toUTCString() } })
    expect(await read(3)).toEqual(row(3))
    server.fail({ status: 503, headers: { 'retry-after': new Date(Date.now() + 3600_000).toUTCString() } })
    await expect(read(3)).rejects.toThrow(/come back in 3\d\d\d s/)
    expect(server.log).toHaveLength(3)
  })

  test.each([
    ['stands still before its headers', { after: 0, does: 'stall' }],
    ['stands still in the body', { after: 30_000, does: 'stall' }],
    ['drops the connection before its headers', { after: 0, does: 'drop' }],
    ['drops the connection in the body', { after: 30_000, does: 'drop' }],
    ['ends before the length that it spoke of', { after: 30_000, does: 'end' }],
  ] as const)('a server that %s', async (_, fault) => {
    const { server, driver, read } = await opened()
    server.fail(fault)
    const ids = Array.from({ length: 16 }, (__, i) => i)
    expect(await read(...ids)).toEqual(CONTENT.subarray(0, 16 * 4096))
    expect(driver.traffic.retries).toBe(1)
    const [, second] = await settled(server)
    // What had come is not asked for again.
    const skipped = second!.range![0] - ROW_HEADER_BYTES
    expect(fault.after === 0 ? skipped === 0 : skipped > 0 && skipped <= 30_000).toBe(true)
    expect(second!.range![1]).toBe(ROW_HEADER_BYTES + 16 * 4096 - 1)
  })

  test('a server that sends more than it spoke of: all of it is asked for again', async () => {
    const { server, driver, read } = await opened()
    server.fail({ extra: 10 })
    expect(await read(5)).toEqual(row(5))
    expect(driver.traffic.retries).toBe(1)
    server.failAll({ extra: 10 })
    await expect(read(5)).rejects.toThrow('sent more than the 4096 bytes that it spoke of')
  })

  test('a server that stands still for good is given up, and its connections are closed', async () => {
    const { server, read } = await opened({ retries: 1 })
    server.failAll({ after: 1000 })
    await expect(read(5)).rejects.toThrow('nothing came for 0.15 s (attempt 2 of 2)')
    expect((await settled(server)).map(({ outcome }) => outcome)).toEqual(['cut', 'cut'])
  })

  test('slow is not still', async () => {
    const { server, driver, read } = await opened()
    const slow = { after: 2000, does: () => new Promise<void>((resolve) => setTimeout(resolve, 100)) }
    server.fail(slow, slow)
    await Promise.all([read(5), read(60)])
    expect(driver.traffic.retries).toBe(0)
  })

  test('metas are tried again too', async () => {
    const { server, driver } = await opened()
    server.fail({ status: 500 }, { after: 10, does: 'drop' }, { after: 10, does: 'stall' })
    expect((await driver.meta!.get('root'))!.bytes).toEqual(Uint8Array.of(1, 2, 3))
    expect(driver.traffic.retries).toBe(3)
  })

  test('opening is tried again, and continues only with the same file', async () => {
    const { folder, server } = await opened()
    server.fail({ after: 100, does: 'drop' })
    expect(await httpRows(server.url, quick)).toMatchObject(GEOMETRY)
    const other = rowFile({ rows: 65, rowBytes: 4096 }, new Uint8Array(65 * 4096))
    server.fail({ after: 100, does: async () => putFile(folder, ROWS_FILE, other) }, undefined)
    expect(await httpRows(server.url, quick)).toMatchObject(GEOMETRY)
    expect(await httpRows(server.url, quick)).toMatchObject({ rows: 65 })
  })

  test('the first of many failures stops the rest', async () => {
    const { server, read } = await opened({ gapBytes: 0, concurrency: 4 })
    server.fail({ after: 0 }, { status: 400 })
    await expect(read(0, 2, 4, 6, 8, 10, 12, 14, 16, 18)).rejects.toThrow('answered 400')
    expect((await settled(server)).length).toBeLessThanOrEqual(4)
    expect(server.log[0]!.outcome).toBe('cut')
    expect(await read(0, 2)).toHaveLength(8192)
  })
})
