import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { rowDriverConformance } from '@stemkit/spec/testing'
import { afterAll, describe, test } from 'vitest'
import { lmdbRows } from './index.ts'

const dir = mkdtempSync(join(tmpdir(), 'stemkit-lmdb-'))
afterAll(() => rmSync(dir, { recursive: true }))
let made = 0
const newPath = (): string => join(dir, String(made++))

describe('rows in LMDB', () => {
  const paths = new Map<RowDriver, string>()
  const open = async (path: string, options: Parameters<typeof lmdbRows>[1] = {}): Promise<RowDriver> => {
    const driver = await lmdbRows(path, options)
    paths.set(driver, path)
    return driver
  }
  rowDriverConformance(test, {
    open: (create) => open(newPath(), { create }),
    reopen: (driver) => open(paths.get(driver)!),
  })
})

describe('rows in LMDB, opened read-only', () => {
  rowDriverConformance(test, {
    readOnly: true,
    async open(create, { rows, metas }) {
      const path = newPath()
      const driver = await lmdbRows(path, { create })
      await driver.write!(
        Uint32Array.from({ length: create.rows }, (_, id) => id),
        rows,
      )
      for (const [name, bytes] of Object.entries(metas)) await driver.meta!.put!(name, bytes)
      await driver.dispose()
      return lmdbRows(path, { readOnly: true })
    },
  })
})
