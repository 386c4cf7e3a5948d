import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFolder } from './make-folder.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stemkit-folder-'))
})
afterAll(() => rm(dir, { recursive: true }))

test('makes all levels that are missing, and leaves what is there', async () => {
  await makeFolder(join(dir, 'a', 'b', 'c'))
  await makeFolder(join(dir, 'a', 'b', 'c'))
  expect((await stat(join(dir, 'a', 'b', 'c'))).isDirectory()).toBe(true)
})

test('refuses a file in the way', async () => {
  await writeFile(join(dir, 'file'), '')
  for (const path of [join(dir, 'file'), join(dir, 'file', 'below')]) {
    const error = await makeFolder(path).catch((reason: unknown) => reason)
    expect(StemkitError.isInstance(error), path).toBe(true)
  }
})

// Node's recursive mkdir spins for ever on this one.
test.runIf(existsSync('/proc/self'))('refuses a place where no folder can be made', async () => {
  for (const path of ['/proc/stemkit-nowhere', '/proc/stemkit-nowhere/below']) {
    const error = await makeFolder(path).catch((reason: unknown) => reason)
    expect(StemkitError.isInstance(error), path).toBe(true)
  }
})
