import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'

const CHILD = fileURLToPath(new URL('./testing/eval-child.ts', import.meta.url))
const KILLS = 20
/** Of the run below: 20 choices, 5 texts that are made, 3 that are scored whole. */
const REQUESTS = 28

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-eval-'))
  await writeTinyModel(join(folder, 'model'), { maxLength: 512 })
})
afterAll(() => rm(folder, { recursive: true }))

/** What a run printed; undefined where it was killed. */
function evaluateInChild(cache: string, fatal = Infinity): Promise<string | undefined> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') }
  const options = { env, maxBuffer: 2 ** 26 }
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [CHILD, join(folder, 'model'), cache, String(fatal)],
      options,
      (error, stdout, stderr) => {
        if (error && error.signal !== 'SIGKILL') reject(new Error(stderr))
        else resolve(error ? undefined : stdout)
      },
    )
  })
}

const linesIn = async (cache: string): Promise<number> => {
  const [file] = await readdir(cache)
  return file === undefined ? 0 : (await readFile(join(cache, file), 'utf8')).split('\n').length - 1
}

/** Kills runs that share a cache, each of which goes on from where the last one died, a few answers further. */
async function killRuns(cache: string, expected: string, kills: number): Promise<void> {
  let kept = 0
  while (kills > 0) {
    const left = 2 * (REQUESTS - kept)
    const printed = await evaluateInChild(cache, Math.floor(Math.random() * Math.min(left + 2, 10)))
    const now = await linesIn(cache)
    expect(now).toBeGreaterThanOrEqual(kept)
    expect(now).toBeLessThanOrEqual(REQUESTS)
    kept = now
    if (printed === undefined) kills--
    else {
      // It is through; another one begins.
      expect(printed).toBe(expected)
      await rm(cache, { recursive: true })
      kept = 0
    }
  }
  expect(await evaluateInChild(cache)).toBe(expected)
  expect(await linesIn(cache)).toBe(REQUESTS)
}

test(`runs that are killed at ${KILLS} random points give the scores of one that is not, and ask nothing twice`, async () => {
  const expected = await evaluateInChild(join(folder, 'whole'))
  expect(await linesIn(join(folder, 'whole'))).toBe(REQUESTS)
  await Promise.all(['one', 'other'].map((name) => killRuns(join(folder, name), expected!, KILLS / 2)))
}, 240_000)
