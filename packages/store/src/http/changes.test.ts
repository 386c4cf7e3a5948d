import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROWS_FILE } from '../drivers/row-file.ts'
import { httpRows } from './http-rows.ts'
import { CONTENT, GEOMETRY, opened, quick, row } from './testing/opened-rows.ts'
import { putFile, removeFolder, rowBytesOf, rowFile } from './testing/row-folder.ts'

describe('a file that changes', () => {
  const changed = { code: 'conflict', message: expect.stringContaining('open it again') as string }
  const other = rowFile(GEOMETRY, rowBytesOf(GEOMETRY, 1))

  describe.each(['strong', 'weak', 'date'] as const)('recognised by validators: %s', (validators) => {
    test.each([true, false])('is a conflict, conditions looked at by the server: %s', async (conditions) => {
      const { folder, server, driver, read } = await opened({}, { validators, conditions })
      expect(await read(5)).toEqual(row(5))
      await putFile(folder, ROWS_FILE, other)
      await expect(read(5)).rejects.toMatchObject(changed)
      await expect(read(6)).rejects.toMatchObject(changed)
      expect(driver.traffic.retries).toBe(0)
      expect(server.log.map(({ status }) => status)).toEqual(conditions ? [206, 412, 412] : [206, 206, 206])
      const again = await httpRows(server.url, quick)
      const into = new Uint8Array(4096)
      await again.read(Uint32Array.of(5), into)
      expect(into).toEqual(rowBytesOf(GEOMETRY, 1).subarray(5 * 4096, 6 * 4096))
    })
  })

  test.each([
    ['in its weak ETag alone', 'weak', 1e9 + 0.5, other],
    ['in its length alone', 'date', 1e9, new Uint8Array([...other, 0])],
  ] as const)('%s is a conflict', async (_, validators, time, bytes) => {
    const { folder, read } = await opened({}, { validators })
    await putFile(folder, ROWS_FILE, bytes)
    await utimes(join(folder, ROWS_FILE), time, time)
    await expect(read(5)).rejects.toMatchObject(changed)
  })

  test('and answers with all of it is a conflict, not a server without ranges', async () => {
    const { folder, server, read } = await opened({}, { conditions: false })
    await putFile(folder, ROWS_FILE, other)
    server.failAll({ ignoreRange: true })
    await expect(read(5)).rejects.toMatchObject(changed)
  })

  test('between two requests of one read: never bytes of both', async () => {
    const { folder, server, read } = await opened({ gapBytes: 0, concurrency: 1 })
    server.fail(undefined, { after: 100, does: () => putFile(folder, ROWS_FILE, other) })
    await expect(read(5, 10, 15)).rejects.toMatchObject(changed)
    expect(server.log.map(({ status }) => status)).toEqual([206, 206, 412])
  })

  test('in the middle of a body that then breaks off: the rest is not taken from the new file', async () => {
    const { folder, server, read } = await opened()
    const ids = Array.from({ length: 20 }, (_, i) => i)
    server.fail({
      after: 30_000,
      does: async () => {
        await putFile(folder, ROWS_FILE, other)
        throw new Error('the process that served it is gone')
      },
    })
    await expect(read(...ids)).rejects.toMatchObject(changed)
  })

  test('in the middle of a body, being renamed: the body is that of the old file, the next read a conflict', async () => {
    const { folder, server, read } = await opened()
    server.fail({ after: 30_000, does: () => putFile(folder, ROWS_FILE, other) })
    const ids = Array.from({ length: 20 }, (_, i) => i)
    expect(await read(...ids)).toEqual(CONTENT.subarray(0, 20 * 4096))
    await expect(read(0)).rejects.toMatchObject(changed)
  })

  test('in the middle of a body, being cut in place', async () => {
    const { folder, server, read } = await opened()
    server.fail({ after: 30_000, does: () => writeFile(join(folder, ROWS_FILE), other.subarray(0, 5000)) })
    const ids = Array.from({ length: 20 }, (_, i) => i)
    await expect(read(...ids)).rejects.toMatchObject(changed)
  })

  test('and is gone', async () => {
    const { folder, read } = await opened()
    await removeFolder(folder)
    await expect(read(0)).rejects.toMatchObject({ code: 'not-found' })
  })
})
