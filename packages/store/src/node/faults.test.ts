import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fileRows } from './file-rows.ts'
import { nodeFileSystem } from './file-system.ts'
import { intercept } from './testing/intercept.ts'

const dir = mkdtempSync(join(tmpdir(), 'stemkit-faults-'))
afterAll(() => rmSync(dir, { recursive: true }))
let made = 0
const newPath = (): string => join(dir, `rows-${made++}`)

const CREATE = { rows: 4, rowBytes: 100 }
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const rowOf = (value: number): Uint8Array => new Uint8Array(100).fill(value)

describe('a damaged folder', () => {
  const whole = join(dir, 'whole')
  beforeAll(async () => {
    const driver = await fileRows(whole, { create: CREATE })
    await driver.write!(Uint32Array.of(3), rowOf(7))
    await driver.meta!.put!('root', text('value'))
    await driver.flush!()
    await driver.dispose()
  })
  const copy = (): string => {
    const path = newPath()
    cpSync(whole, path, { recursive: true })
    return path
  }
  const flip = (path: string, ...places: number[]): void => {
    const bytes = readFileSync(path)
    for (const at of places) bytes[at]! ^= 1
    writeFileSync(path, bytes)
  }

  test('is corrupt where both headers are, and each is named by its file', async () => {
    for (const at of [0, 8, 12, 16, 31]) {
      const path = copy()
      flip(join(path, 'rows.bin'), at, 2048 + ((at + 12) % 32))
      await expect(fileRows(path)).rejects.toMatchObject({
        code: 'corrupt',
        message: `${path}/rows.bin: the header is damaged, or it is no file of stemkit rows`,
      })
    }
  })

  test('is read by the other header where one is damaged, and has both again once it is resized', async () => {
    for (const at of [0, 2048]) {
      const path = copy()
      flip(join(path, 'rows.bin'), at)
      const driver = await fileRows(path)
      const into = new Uint8Array(100)
      await driver.read(Uint32Array.of(3), into)
      expect(into).toEqual(rowOf(7))
      await driver.resize!(5)
      await driver.dispose()
      flip(join(path, 'rows.bin'), 2048 - at)
      const again = await fileRows(path)
      expect(again.rows).toBe(5)
      await again.dispose()
    }
  })

  test('is corrupt where the end of its rows is missing', async () => {
    for (const size of [0, 1, 4095, 4096, 4096 + 300, 4096 + 399]) {
      const path = copy()
      truncateSync(join(path, 'rows.bin'), size)
      await expect(fileRows(path), `${size} bytes`).rejects.toMatchObject({
        code: 'corrupt',
        message: expect.stringContaining(`${path}/rows.bin: `),
      })
    }
  })

  test('is corrupt, not zeros, where its rows are cut while they are open', async () => {
    const path = copy()
    const driver = await fileRows(path)
    truncateSync(join(path, 'rows.bin'), 4096 + 350)
    await expect(driver.read(Uint32Array.of(3), new Uint8Array(100))).rejects.toMatchObject({
      code: 'corrupt',
      message: `${path}/rows.bin: rows 3 to 3 cannot be read: the file ends before, it has been cut`,
    })
    await driver.dispose()
  })

  test('leaves what is wrong in a row to whoever keeps checksums of rows', async () => {
    const path = copy()
    flip(join(path, 'rows.bin'), 4096 + 300)
    const driver = await fileRows(path)
    const into = new Uint8Array(100)
    await driver.read(Uint32Array.of(3), into)
    expect(into[0]).toBe(7 ^ 1)
    await driver.dispose()
  })

  test('has corrupt metas where they are damaged, which a put repairs', async () => {
    for (const at of [0, 12, 16, 24, 28, 32, 36]) {
      const path = copy()
      flip(join(path, 'meta', 'root'), at)
      const driver = await fileRows(path)
      await expect(driver.meta!.get('root')).rejects.toMatchObject({
        code: 'corrupt',
        message: expect.stringContaining(`${path}/meta/root: `),
      })
      await driver.meta!.put!('root', text('again'))
      expect((await driver.meta!.get('root'))!.bytes).toEqual(text('again'))
      await driver.dispose()
    }
  })
})

describe('a failing disk', () => {
  type Fault = (name: string) => string | undefined
  const failing = async (path: string, fault: Fault): Promise<RowDriver> => {
    const files = intercept(nodeFileSystem, async ({ name }, work) => {
      const code = fault(name)
      if (code !== undefined) throw Object.assign(new Error(`${code}: of the test, ${name}`), { code })
      return work()
    })
    return fileRows(path, { create: CREATE, files })
  }

  test('is told in one line that names rows and file, and the driver goes on once it works again', async () => {
    const path = newPath()
    let broken: string | undefined
    const driver = await failing(path, (name) => (name === broken ? 'EIO' : undefined))
    broken = 'read'
    const into = new Uint8Array(200)
    await expect(driver.read(Uint32Array.of(1, 2), into)).rejects.toMatchObject({
      code: 'io',
      message: `${path}/rows.bin: rows 1 to 2 cannot be read: EIO: of the test, read`,
    })
    broken = 'write'
    await expect(driver.write!(Uint32Array.of(1), rowOf(1))).rejects.toMatchObject({
      code: 'io',
      message: `${path}/rows.bin: rows 1 to 1 cannot be written: EIO: of the test, write`,
    })
    broken = undefined
    await driver.write!(Uint32Array.of(1, 2), new Uint8Array(200).fill(5))
    await driver.flush!()
    await driver.read(Uint32Array.of(1, 2), into)
    expect(into).toEqual(new Uint8Array(200).fill(5))
    await driver.dispose()
  })

  test('that could not flush is not asked again: what was written since the last flush is lost', async () => {
    const path = newPath()
    let broken = false
    const driver = await failing(path, (name) => (broken && name === 'sync' ? 'EIO' : undefined))
    await driver.write!(Uint32Array.of(1), rowOf(1))
    broken = true
    await expect(driver.flush!()).rejects.toThrow(`${path}/rows.bin: cannot be flushed: EIO: of the test, sync`)
    broken = false
    for (const call of [
      () => driver.flush!(),
      () => driver.write!(Uint32Array.of(2), rowOf(2)),
      () => driver.resize!(9),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'io',
        message: expect.stringContaining('rows written since the last good flush are lost, open them again'),
      })
    }
    await driver.dispose()
    const again = await fileRows(path)
    await again.write!(Uint32Array.of(2), rowOf(2))
    await again.flush!()
    await again.dispose()
  })

  test.each(['open', 'write', 'sync', 'rename', 'close'])('leaves the old meta where %s fails', async (operation) => {
    let broken = false
    const driver = await failing(newPath(), (name) => (broken && name === operation ? 'ENOSPC' : undefined))
    await driver.meta!.put!('root', text('old'))
    broken = true
    await expect(driver.meta!.put!('root', text('new'))).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('no space left on device'),
    })
    broken = false
    expect((await driver.meta!.get('root'))!.bytes).toEqual(text('old'))
    await driver.meta!.put!('root', text('newer'))
    await driver.dispose()
  })

  test.each(['truncate', 'sync', 'write'])('leaves as many rows as there were where %s fails', async (operation) => {
    const path = newPath()
    let broken = false
    const driver = await failing(path, (name) => (broken && name === operation ? 'ENOSPC' : undefined))
    broken = true
    await expect(driver.resize!(100)).rejects.toMatchObject({ code: 'io' })
    expect(driver.rows).toBe(4)
    broken = false
    await driver.dispose()
    const again = await fileRows(path)
    expect(again.rows).toBe(4)
    await again.resize!(200)
    await again.dispose()
  })

  test.each(['open', 'write', 'truncate', 'sync', 'rename', 'syncFolder', 'link'])(
    'makes no rows, or whole ones, where %s fails',
    async (operation) => {
      const path = newPath()
      await expect(failing(path, (name) => (name === operation ? 'EIO' : undefined))).rejects.toMatchObject({
        code: 'io',
        message: expect.stringContaining(`${path}: no rows can be made there: EIO`),
      })
      const driver = await fileRows(path, { create: CREATE }).catch(() => fileRows(path))
      expect(driver.rows).toBe(4)
      await driver.dispose()
    },
  )
})

describe('a full disk (needs the right to mount a tmpfs)', () => {
  const mount = join(dir, 'small')
  const mounted = mountSmall(mount)
  afterAll(() => {
    if (mounted) execFileSync('umount', [mount])
  })
  const full = test.skipIf(!mounted)

  full('refuses writes in one line; what was flushed stays, and all goes on once there is room', async () => {
    const path = join(mount, 'rows')
    const rowBytes = 16 * 1024
    const driver = await fileRows(path, { create: { rows: 200, rowBytes } })
    let written = 0
    const fill = async (): Promise<never> => {
      for (; ; written++) {
        await driver.write!(Uint32Array.of(written), new Uint8Array(rowBytes).fill(written + 1))
        await driver.flush!()
      }
    }
    await expect(fill()).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/^\S+rows\.bin: rows \d+ to \d+ cannot be written: no space left on device$/),
    })
    expect(written).toBeGreaterThan(40)
    await expect(driver.meta!.put!('root', new Uint8Array(rowBytes))).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('no space left on device'),
    })
    const check = async (): Promise<void> => {
      const into = new Uint8Array(written * rowBytes)
      await driver.read(
        Uint32Array.from({ length: written }, (_, id) => id),
        into,
      )
      for (let id = 0; id < written; id++) {
        const row = into.subarray(id * rowBytes, (id + 1) * rowBytes)
        expect(
          row.every((byte) => byte === id + 1),
          `row ${id}`,
        ).toBe(true)
      }
    }
    await check()

    execFileSync('mount', ['-o', 'remount,size=4m', mount])
    await driver.write!(Uint32Array.of(written), new Uint8Array(rowBytes).fill(written + 1))
    await driver.meta!.put!('root', new Uint8Array(rowBytes))
    await driver.flush!()
    written++
    await check()
    await driver.dispose()
  })
})

/** A disk of 1 MB in memory; false where this process may not mount one. */
function mountSmall(path: string): boolean {
  mkdirSync(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
