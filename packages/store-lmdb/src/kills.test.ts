import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { lmdbRows } from './index.ts'
import { allRows, geometry, roundsOf } from './testing/rounds.ts'

const dir = mkdtempSync(join(tmpdir(), 'stemkit-lmdb-kills-'))
afterAll(() => rmSync(dir, { recursive: true }))
const writer = fileURLToPath(new URL('./testing/steady-writer.ts', import.meta.url))

/** Starts a writer, and kills it some ms after it has flushed so many rounds. Gives the last round that it said it had. */
async function killedWriter(path: string, first: number, rounds: number, ms: number): Promise<number> {
  const child = spawn(process.execPath, [writer, path, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let said = first - 1
  const lines = createInterface(child.stdout)
  const flushed = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      said = Number(line)
      if (said === first + rounds - 1) resolve()
    })
  })
  await Promise.race([flushed, ended])
  await setTimeout(ms)
  child.kill('SIGKILL')
  const [, signal] = (await ended) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return said
}

test('20 kills of a writer: what was flushed is there, no row is torn, and the lock is free', async () => {
  const path = join(dir, 'rows')
  await (await lmdbRows(path, { create: geometry })).dispose()
  let first = 1
  for (let kill = 0; kill < 20; kill++) {
    const flushed = await killedWriter(path, first, 1 + (kill % 4), (kill * 7) % 16)
    const driver = await lmdbRows(path)
    await (await driver.lock!()).release()
    const into = new Uint8Array(geometry.rows * geometry.rowBytes)
    await driver.read(allRows, into)
    const rounds = roundsOf(into)
    expect(rounds.every((round) => round >= flushed && round <= flushed + 1)).toBe(true)
    const meta = await driver.meta!.get('round')
    expect(Number(new TextDecoder().decode(meta!.bytes))).toBeGreaterThanOrEqual(flushed)
    first = Math.max(...rounds) + 1
    await driver.dispose()
  }
})

test('a second process is refused the lock, and told who holds it', async () => {
  const path = join(dir, 'locked')
  const driver = await lmdbRows(path, { create: geometry })
  const child = spawn(process.execPath, [writer, path, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  await expect(driver.lock!()).rejects.toMatchObject({
    code: 'conflict',
    message: `${join(path, 'writer.lock')}: held by process ${child.pid}; wait for it or end it`,
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = await driver.lock!()

  const refused = spawn(process.execPath, [writer, path, '1'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const said = (await refused.stderr.toArray()).join('')
  expect(said).toContain(`held by process ${process.pid}; wait for it or end it`)
  await lock.release()
  await driver.dispose()
})
