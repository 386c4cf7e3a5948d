import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fileRows, openFileRows } from '../node.ts'

let dir: string
let before: string
beforeEach(() => {
  before = process.cwd()
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'stemkit-urls-')))
  process.chdir(dir)
})
afterEach(() => {
  process.chdir(before)
  rmSync(dir, { recursive: true })
})

const create = { rows: 3, rowBytes: 8 }

test('opens what a URL names: relative to the working directory or absolute, percent-encoded', async () => {
  const urls: Record<string, string> = {
    'file:./rows': 'rows',
    'file:rows/in/a folder': 'rows/in/a folder',
    'FILE:./100%25%20%3F%23/%C3%BC': '100% ?#/ü',
    [`file:${dir}/absolute`]: 'absolute',
    [`file://${dir}/three%20slashes`]: 'three slashes',
    [pathToFileURL(join(dir, 'made by node %?#ü')).href]: 'made by node %?#ü',
  }
  for (const [url, path] of Object.entries(urls)) {
    await (await openFileRows(url, { create })).dispose()
    const driver = await fileRows(join(dir, path), { readOnly: true })
    expect(driver.rows, url).toBe(3)
    await driver.dispose()
  }
  await expect(openFileRows('file:./rows', { create })).rejects.toMatchObject({ code: 'conflict' })
  const again = await openFileRows('file:rows/', { readOnly: true })
  expect(again.write).toBe(undefined)
  await again.dispose()
})

test('refuses what names no folder', async () => {
  for (const url of [
    'file:',
    'rows',
    'http://host/rows',
    'file:./rows?x=1',
    'file:./rows#x',
    'file:%',
    'file:a%2Fb',
    'file:///a%2Fb',
    'file://host/rows',
  ]) {
    await expect(openFileRows(url, { create }), url).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(`^'${url.replaceAll(/[?.]/g, '\\$&')}' names no folder of rows: .`),
    })
  }
})
