import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach } from 'vitest'

/** A function that makes empty folders, removed after each test. */
export function temporaryFolders(): () => string {
  const made: string[] = []
  afterEach(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'stemkit-weights-'))
    made.push(folder)
    return folder
  }
}

/** A folder on a file system of `kilobytes`, removed after all tests; undefined where such cannot be mounted. */
export function smallDisk(kilobytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'stemkit-disk-'))
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  afterAll(() => {
    execFileSync('umount', ['-l', folder])
  })
  return folder
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const oracleFolder = (name: string): string => here(`../../../../fixtures/oracle/${name}`)

/** A folder of public data beside the repository; undefined where it is not there. */
export function sharedData(path: string): string | undefined {
  const folder = here(`../../../../../shared/data/${path}`)
  return existsSync(folder) ? folder : undefined
}
