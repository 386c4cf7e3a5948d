import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { afterAll, describe, expect, test } from 'vitest'
import { openSqliteRows, sqliteRows } from '../sqlite.ts'

const dir = mkdtempSync(join(tmpdir(), 'stemkit-sqlite-files-'))
const small = join(dir, 'small')
mkdirSync(small)
const mounted = mountSmall()
afterAll(() => {
  if (mounted) execFileSync('umount', [small])
  rmSync(dir, { recursive: true })
})
let made = 0
const newPath = (): string => join(dir, `${made++}.db`)
const create = { rows: 64, rowBytes: 48 }
const one = Uint32Array.of(3)

/** A disk of 8 MB in memory; false where this process may not mount one. */
function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function byteOf(driver: RowDriver, id: number): Promise<number | undefined> {
  const into = new Uint8Array(driver.rowBytes)
  await driver.read(Uint32Array.of(id), into)
  expect(into.every((byte) => byte === into[0])).toBe(true)
  return into[0]
}

describe('opening', () => {
  test('makes folders on the way to new rows, and no rows twice', async () => {
    const path = join(dir, 'a', 'b', 'rows.db')
    await (await sqliteRows(path, { create })).dispose()
    await expect(sqliteRows(path, { create })).rejects.toMatchObject({
      code: 'conflict',
      message: `${path}: is there already; open it without create, or choose another path`,
    })
    const both = await Promise.allSettled(['x.db', 'x.db'].map((name) => sqliteRows(join(dir, name), { create })))
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    for (const result of both) if (result.status === 'fulfilled') await result.value.dispose()
  })

  test('leaves alone what is no database of rows', async () => {
    const text = newPath()
    writeFileSync(text, 'not a database, though long enough to be the header of one. '.repeat(20))
    const other = newPath()
    const db = new DatabaseSync(other)
    db.exec('create table t (x); insert into t values (1)')
    db.close()
    for (const path of [text, other]) {
      const before = readFileSync(path)
      await expect(sqliteRows(path)).rejects.toMatchObject({ code: 'corrupt', message: expect.stringContaining(path) })
      await expect(sqliteRows(path, { create })).rejects.toMatchObject({ code: 'conflict' })
      expect(readFileSync(path)).toEqual(before)
    }
  })

  test('refuses what is not there, later formats, and impossible sizes', async () => {
    const path = newPath()
    await expect(sqliteRows(path)).rejects.toMatchObject({ code: 'not-found' })
    await expect(sqliteRows(path, { readOnly: true })).rejects.toMatchObject({ code: 'not-found' })
    for (const geometry of [
      { rows: -1, rowBytes: 8 },
      { rows: 1.5, rowBytes: 8 },
      { rows: 2 ** 33, rowBytes: 8 },
    ]) {
      await expect(sqliteRows(path, { create: geometry })).rejects.toMatchObject({ code: 'bad-input' })
    }
    await expect(sqliteRows(path, { create: { rows: 1, rowBytes: 2e9 } })).rejects.toMatchObject({ code: 'bad-input' })
    await expect(sqliteRows(path, { create, readOnly: true })).rejects.toMatchObject({ code: 'bad-input' })
    await (await sqliteRows(path, { create })).dispose()
    const db = new DatabaseSync(path)
    db.exec('pragma user_version = 2')
    db.close()
    await expect(sqliteRows(path)).rejects.toMatchObject({ code: 'unsupported' })
  })

  test('an empty file, as a kill leaves one while rows are being made, has no rows and takes new ones', async () => {
    const path = newPath()
    writeFileSync(path, '')
    await expect(sqliteRows(path)).rejects.toMatchObject({ code: 'not-found' })
    const driver = await sqliteRows(path, { create })
    expect(driver.rows).toBe(64)
    await driver.dispose()
  })

  test('opens by URL', async () => {
    const path = join(dir, 'with space?.db')
    const url = pathToFileURL(path).href.replace('file:', 'sqlite:')
    await (await openSqliteRows(url, { create })).dispose()
    expect(readdirSync(dir)).toContain('with space?.db')
    const driver = await openSqliteRows(`sqlite:${path.replace('?', '%3F').replace(' ', '%20')}`, { readOnly: true })
    expect(driver.write).toBeUndefined()
    await driver.dispose()
    for (const bad of ['sqlite:', 'file:./x', 'sqlite:./x?y=1', 'sqlite://host/x.db', 'sqlite:%zz']) {
      await expect(openSqliteRows(bad), bad).rejects.toMatchObject({ code: 'bad-input' })
    }
  })
})

describe('damage', () => {
  test('a row of another length and a file that was cut are corrupt', async () => {
    const path = newPath()
    const driver = await sqliteRows(path, { create: { rows: 64, rowBytes: 40_000 } })
    const ids = Uint32Array.from({ length: 64 }, (_, id) => id)
    await driver.write!(ids, new Uint8Array(64 * 40_000))
    await driver.dispose()
    const db = new DatabaseSync(path)
    db.exec("update rows set bytes = x'010203' where id = 3")
    db.close()
    const short = await sqliteRows(path)
    await expect(short.read(one, new Uint8Array(40_000))).rejects.toMatchObject({
      code: 'corrupt',
      message: `${path}: row 3 has 3 bytes, not 40000`,
    })
    await short.dispose()
    truncateSync(path, 16384 * 20)
    const read = async (): Promise<void> => {
      const cut = await sqliteRows(path)
      await cut.read(ids.subarray(4), new Uint8Array(60 * 40_000)).finally(() => cut.dispose())
    }
    await expect(read()).rejects.toMatchObject({ code: 'corrupt' })
  })
})

describe('beside others', () => {
  test('waits for another writer, and gives up when patience or the caller does', async () => {
    const path = newPath()
    const driver = await sqliteRows(path, { create, patience: 40 })
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    await expect(driver.write!(one, new Uint8Array(48))).rejects.toMatchObject({
      code: 'conflict',
      message: `${path}: rows 3 to 3 cannot be written: another process keeps writing to it; wait for it or end it`,
    })
    const reason = new Error('enough')
    const stop = new AbortController()
    setTimeout(() => stop.abort(reason), 5)
    await expect(driver.meta!.put!('root', Uint8Array.of(1), { signal: stop.signal })).rejects.toBe(reason)

    expect(await byteOf(driver, 3)).toBe(0)
    const writing = driver.write!(one, new Uint8Array(48).fill(7))
    setTimeout(() => other.exec('commit'), 5)
    await writing
    other.close()
    expect(await byteOf(driver, 3)).toBe(7)
    await driver.dispose()
  })

  test('two that put the same meta over the same version: one does', async () => {
    const path = newPath()
    const [a, b] = [await sqliteRows(path, { create }), await sqliteRows(path)]
    const version = await a.meta!.put!('root', Uint8Array.of(1))
    const puts = [a, b].map((driver) => driver.meta!.put!('root', Uint8Array.of(1), { ifVersion: version }))
    const results = await Promise.allSettled(puts)
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await a.dispose()
    await b.dispose()
  })

  test('gives others a turn during a long call, and stops in the middle when told to', async () => {
    const driver = await sqliteRows(newPath(), { create: { rows: 16, rowBytes: 2 ** 20 } })
    const all = Uint32Array.from({ length: 16 }, (_, id) => id)
    const stop = new AbortController()
    const reason = new Error('enough')
    const writing = driver.write!(all, new Uint8Array(16 * 2 ** 20).fill(1), { signal: stop.signal })
    const failure = expect(writing).rejects.toBe(reason)
    await setImmediate()
    await setImmediate()
    stop.abort(reason)
    await failure
    expect(await byteOf(driver, 0)).toBe(1)
    expect(await byteOf(driver, 15)).toBe(0)
    await driver.dispose()
  })
})

describe.skipIf(!mounted)('on a small disk (needs the right to mount a tmpfs)', () => {
  test('a full disk is said to be one, what was flushed stays, and room makes it go on', async () => {
    writeFileSync(join(small, 'filler'), new Uint8Array(4 * 2 ** 20))
    const driver = await sqliteRows(join(small, 'rows.db'), { create: { rows: 1000, rowBytes: 2 ** 16 } })
    let written = 0
    const fill = async (): Promise<never> => {
      for (;;) {
        await driver.write!(Uint32Array.of(written), new Uint8Array(2 ** 16).fill(written + 1))
        await driver.flush!()
        written++
      }
    }
    await expect(fill()).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/^.*rows\.db: rows \d+ to \d+ cannot be written: no space left on device$/),
    })
    expect(written).toBeGreaterThan(5)
    for (let id = 0; id <= written; id++) expect(await byteOf(driver, id)).toBe(id < written ? id + 1 : 0)

    rmSync(join(small, 'filler'))
    await driver.write!(Uint32Array.of(written), new Uint8Array(2 ** 16).fill(99))
    await driver.flush!()
    await driver.dispose()
    const again = await sqliteRows(join(small, 'rows.db'))
    for (let id = 0; id <= written; id++) expect(await byteOf(again, id)).toBe(id < written ? id + 1 : 99)
    await again.dispose()
    rmSync(join(small, 'rows.db'))
  })

  test('rows on a medium that cannot be written are read', async () => {
    const path = join(small, 'read.db')
    const driver = await sqliteRows(path, { create })
    await driver.write!(one, new Uint8Array(48).fill(5))
    await driver.dispose()
    execFileSync('mount', ['-o', 'remount,ro', small])
    try {
      const reader = await sqliteRows(path, { readOnly: true })
      expect(await byteOf(reader, 3)).toBe(5)
      await reader.dispose()
      await expect(sqliteRows(path)).rejects.toMatchObject({ code: 'io' })
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', small])
    }
  })
})
