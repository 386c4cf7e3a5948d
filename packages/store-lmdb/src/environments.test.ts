import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { open } from 'lmdb'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { afterAll, describe, expect, test } from 'vitest'
import { lmdbRows, openLmdbRows } from './index.ts'
import { allRows, geometry, roundsOf } from './testing/rounds.ts'

const dir = mkdtempSync(join(tmpdir(), 'stemkit-lmdb-folders-'))
const small = join(dir, 'small')
mkdirSync(small)
const mounted = mountSmall()
afterAll(() => {
  // Lazily: LMDB keeps the file open that it read from a medium that cannot be written.
  if (mounted) execFileSync('umount', ['-l', small])
  rmSync(dir, { recursive: true })
})
let made = 0
const newPath = (): string => join(dir, String(made++))
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
    const path = join(dir, 'a', 'b', 'rows')
    await (await lmdbRows(path, { create })).dispose()
    await expect(lmdbRows(path, { create })).rejects.toMatchObject({
      code: 'conflict',
      message: `${path}: something is there already; open it without create, or choose another folder`,
    })
    const both = await Promise.allSettled(['x', 'x'].map((name) => lmdbRows(join(dir, name), { create })))
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    for (const result of both) if (result.status === 'fulfilled') await result.value.dispose()
  })

  test('leaves alone what is no database of rows', async () => {
    const [text, other] = [newPath(), newPath()]
    mkdirSync(text)
    writeFileSync(join(text, 'data.mdb'), 'not a database, though long enough to be one. '.repeat(400))
    const foreign = open({ path: other, noSubdir: false })
    await foreign.put('theirs', 1)
    await foreign.close()
    for (const path of [text, other]) {
      const before = readFileSync(join(path, 'data.mdb'))
      for (const readOnly of [false, true]) {
        await expect(lmdbRows(path, { readOnly })).rejects.toMatchObject({
          code: 'corrupt',
          message: `${path}: holds no LMDB database of stemkit rows`,
        })
      }
      await expect(lmdbRows(path, { create })).rejects.toMatchObject({ code: 'conflict' })
      expect(readFileSync(join(path, 'data.mdb'))).toEqual(before)
    }
  })

  test('refuses what is not there, and impossible sizes', async () => {
    const path = newPath()
    await expect(lmdbRows(path)).rejects.toMatchObject({ code: 'not-found' })
    await expect(lmdbRows(path, { readOnly: true })).rejects.toMatchObject({ code: 'not-found' })
    for (const wrong of [
      { rows: -1, rowBytes: 8 },
      { rows: 1.5, rowBytes: 8 },
      { rows: 2 ** 33, rowBytes: 8 },
    ]) {
      await expect(lmdbRows(path, { create: wrong })).rejects.toMatchObject({ code: 'bad-input' })
    }
    await expect(lmdbRows(path, { create: { rows: 1, rowBytes: 2 ** 31 } })).rejects.toMatchObject({
      code: 'bad-input',
    })
    await expect(lmdbRows(path, { create, readOnly: true })).rejects.toMatchObject({ code: 'bad-input' })
    await expect(lmdbRows(path, { create, mapSize: 0 })).rejects.toMatchObject({ code: 'bad-input' })
    expect(readdirSync(dir)).not.toContain(path)
  })

  test('takes what a kill leaves of rows that were being made for none', async () => {
    const [empty, half] = [newPath(), newPath()]
    mkdirSync(empty)
    writeFileSync(join(empty, 'data.mdb'), '')
    const database = open({ path: half, noSubdir: false })
    database.openDB({ name: 'about', encoding: 'json' })
    await database.close()
    for (const path of [empty, half]) {
      await expect(lmdbRows(path)).rejects.toMatchObject({ code: 'not-found' })
      const driver = await lmdbRows(path, { create })
      expect(driver.rows).toBe(64)
      await driver.dispose()
    }
  })

  test('opens by URL', async () => {
    const path = join(dir, 'with space?')
    const url = pathToFileURL(path).href.replace('file:', 'lmdb:')
    await (await openLmdbRows(url, { create })).dispose()
    expect(readdirSync(dir)).toContain('with space?')
    const driver = await openLmdbRows(`lmdb:${path.replace('?', '%3F').replace(' ', '%20')}`, { readOnly: true })
    expect(driver.write).toBeUndefined()
    await driver.dispose()
    for (const bad of ['lmdb:', 'file:./x', 'lmdb:./x?y=1', 'lmdb://host/x', 'lmdb:%zz']) {
      await expect(openLmdbRows(bad), bad).rejects.toMatchObject({ code: 'bad-input' })
    }
  })

  test('holds the largest row number, and rows in shared memory', async () => {
    const driver = await lmdbRows(newPath(), { create: { rows: 2 ** 32, rowBytes: 48 }, mapSize: 2 ** 24 })
    const ids = Uint32Array.of(0, 255, 256, 2 ** 31, 2 ** 32 - 1)
    const from = new Uint8Array(new SharedArrayBuffer(5 * 48)).map((_, i) => i)
    await driver.write!(ids, from)
    const into = new Uint8Array(new SharedArrayBuffer(5 * 48))
    await driver.read(ids, into)
    expect(into).toEqual(from)
    await driver.dispose()
  })
})

test('a copy that stopped half-way is corrupt', async () => {
  const [path, copy] = [newPath(), newPath()]
  const driver = await lmdbRows(path, { create: { rows: 64, rowBytes: 40_000 } })
  const ids = Uint32Array.from({ length: 64 }, (_, id) => id)
  await driver.write!(ids, new Uint8Array(64 * 40_000))
  await driver.dispose()
  cpSync(path, copy, { recursive: true })
  truncateSync(join(copy, 'data.mdb'), 10 ** 6)
  await expect(lmdbRows(copy)).rejects.toMatchObject({
    code: 'corrupt',
    message: `${copy}: data.mdb has been cut; take a copy that is whole`,
  })
})

describe('beside others', () => {
  test('rows that another process writes meanwhile are read, however many', async () => {
    const path = newPath()
    const reader = await lmdbRows(path, { create: geometry })
    const writer = fileURLToPath(new URL('./testing/steady-writer.ts', import.meta.url))
    const child = spawn(process.execPath, [writer, path, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const into = new Uint8Array(geometry.rows * geometry.rowBytes)
    for (let time = 0; time < 5; time++) {
      await reader.read(allRows, into)
      expect(roundsOf(into).every((round) => round >= 1)).toBe(true)
    }
    child.kill('SIGKILL')
    await once(child, 'close')
    const version = await reader.meta!.put!('round', Uint8Array.of(1))
    expect((await reader.meta!.get('round'))!.version).toBe(version)
    await reader.dispose()
  })

  test('a reader and a writer of this process share what is written', async () => {
    const path = newPath()
    await (await lmdbRows(path, { create })).dispose()
    const reader = await lmdbRows(path, { readOnly: true })
    const writer = await lmdbRows(path)
    await writer.write!(one, new Uint8Array(48).fill(7))
    expect(await byteOf(reader, 3)).toBe(7)
    await writer.dispose()
    expect(await byteOf(reader, 3)).toBe(7)
    await reader.dispose()
  })

  test('two that put the same meta over the same version: one does', async () => {
    const path = newPath()
    const [a, b] = [await lmdbRows(path, { create }), await lmdbRows(path)]
    const version = await a.meta!.put!('root', Uint8Array.of(0))
    const puts = [a, b].map((driver) => driver.meta!.put!('root', Uint8Array.of(1), { ifVersion: version }))
    const results = await Promise.allSettled(puts)
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await a.dispose()
    await b.dispose()
  })

  test('stops in the middle of a long write when told to', async () => {
    const driver = await lmdbRows(newPath(), { create: { rows: 32, rowBytes: 2 ** 20 } })
    const all = Uint32Array.from({ length: 32 }, (_, id) => id)
    const stop = new AbortController()
    const reason = new Error('enough')
    const writing = driver.write!(all, new Uint8Array(32 * 2 ** 20).fill(1), { signal: stop.signal })
    const failure = expect(writing).rejects.toBe(reason)
    stop.abort(reason)
    await failure
    expect(await byteOf(driver, 0)).toBe(1)
    expect(await byteOf(driver, 31)).toBe(0)
    await driver.dispose()
  })
})

describe.skipIf(!mounted)('on a small disk (needs the right to mount a tmpfs)', () => {
  test('a full disk is said to be one, what was flushed stays, and room makes it go on', async () => {
    writeFileSync(join(small, 'filler'), new Uint8Array(4 * 2 ** 20))
    const path = join(small, 'rows')
    const driver = await lmdbRows(path, { create: { rows: 1000, rowBytes: 2 ** 16 } })
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
      message: expect.stringMatching(/^.*rows: rows \d+ to \d+ cannot be written: no space left on device$/),
    })
    expect(written).toBeGreaterThan(5)
    for (let id = 0; id <= written; id++) expect(await byteOf(driver, id)).toBe(id < written ? id + 1 : 0)
    await driver.dispose()

    await expect(lmdbRows(join(small, 'more'), { create })).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('no space left on device'),
    })
    const again = await lmdbRows(path)
    await expect(again.write!(Uint32Array.of(999), new Uint8Array(2 ** 16))).rejects.toMatchObject({ code: 'io' })
    rmSync(join(small, 'filler'))
    await again.write!(Uint32Array.of(written), new Uint8Array(2 ** 16).fill(99))
    for (let id = 0; id <= written; id++) expect(await byteOf(again, id)).toBe(id < written ? id + 1 : 99)
    await again.dispose()
    rmSync(path, { recursive: true })
  })

  test('rows on a medium that cannot be written are read', async () => {
    const path = join(small, 'read')
    const driver = await lmdbRows(path, { create })
    await driver.write!(one, new Uint8Array(48).fill(5))
    await driver.dispose()
    execFileSync('mount', ['-o', 'remount,ro', small])
    try {
      const reader = await lmdbRows(path, { readOnly: true })
      expect(await byteOf(reader, 3)).toBe(5)
      await reader.dispose()
      await expect(lmdbRows(path)).rejects.toMatchObject({ code: 'io' })
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', small])
    }
  })
})
