import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { fileRows } from '../file-rows.ts'
import { createLedger, findBreach } from './ledger.ts'
import { GEOMETRY, stepsOf } from './steps.ts'

// Run by itself, with the number of kills wanted (default: one at every operation), it prints what came of them:
// node packages/store/src/node/testing/kill-sweep.ts 200

const CHILD = fileURLToPath(new URL('./kill-child.ts', import.meta.url))
const STEPS = 25
const AT_ONCE = 2

export interface KillSweep {
  /** Operations of the file system that the child does when left alone. */
  readonly operations: number
  readonly kills: number
  readonly breaches: readonly string[]
}

/** Kills a process that uses rows at `kills` operations of its file system, evenly spread, and looks at what it left. */
export async function sweepKills(seed: number, kills = Number.POSITIVE_INFINITY): Promise<KillSweep> {
  const dir = await mkdtemp(join(tmpdir(), 'stemkit-kills-'))
  try {
    const alone = await runChild(join(dir, 'alone'), seed, 0)
    const operations = Number(/^operations (\d+)$/m.exec(alone.output)?.[1])
    if (alone.signal !== null || !(operations > 0)) throw new Error(`the child came to no end: ${alone.errors}`)

    const count = Math.min(kills, operations)
    const fatal = Array.from({ length: count }, (_, at) => 1 + Math.floor((at * operations) / count))
    const breaches: string[] = []
    let next = 0
    const work = async (): Promise<void> => {
      while (next < fatal.length) {
        const operation = fatal[next++]!
        const folder = join(dir, `killed-${operation}`)
        const breach = await killAt(folder, seed, operation).catch(String)
        if (breach !== undefined) breaches.push(`seed ${seed}, killed at operation ${operation}: ${breach}`)
        await rm(folder, { recursive: true, force: true })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return { operations, kills: count, breaches }
  } finally {
    await rm(dir, { recursive: true })
  }
}

async function killAt(folder: string, seed: number, operation: number): Promise<string | undefined> {
  const { signal, output, errors } = await runChild(folder, seed, operation)
  if (signal !== 'SIGKILL') return `the child ended by itself: ${errors}`
  const begun = output.split('\n').filter(Boolean).length
  const ledger = createLedger(GEOMETRY.rows, GEOMETRY.rowBytes)
  for (const [at, step] of stepsOf(seed, STEPS).slice(0, begun).entries()) {
    const resolved = step.note(ledger)
    if (at < begun - 1) resolved()
  }

  let driver: RowDriver
  try {
    driver = await fileRows(folder)
  } catch (error) {
    const absent = StemkitError.isInstance(error) && error.code === 'not-found'
    if (begun > 0 || !absent) throw error
    driver = await fileRows(folder, { create: GEOMETRY })
  }
  try {
    // The dead one's lock is free at once, and all goes on.
    await (await driver.lock!()).release()
    const breach = await findBreach(driver, ledger.expectation())
    if (breach !== undefined) return breach
    await driver.resize!(driver.rows + 1)
    await driver.meta!.put!('meta-0', new Uint8Array(1))
    return undefined
  } finally {
    await driver.dispose()
  }
}

interface Ended {
  readonly signal: string | null
  readonly output: string
  readonly errors: string
}

function runChild(folder: string, seed: number, fatal: number): Promise<Ended> {
  const args = [CHILD, folder, String(seed), String(STEPS), String(fatal)]
  // Compiled once: most of such a short life would be spent on that.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(dirname(folder), 'compiled') }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, output, errors) =>
      resolve({ signal: error?.signal ?? null, output, errors }),
    )
  })
}

if (import.meta.main) {
  const kills = process.argv[2] === undefined ? undefined : Number(process.argv[2])
  const started = performance.now()
  const sweep = await sweepKills(1, kills)
  console.log({ ...sweep, seconds: (performance.now() - started) / 1000 })
  if (sweep.breaches.length > 0) process.exitCode = 1
}
