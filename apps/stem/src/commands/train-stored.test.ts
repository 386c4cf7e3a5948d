import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { latestCheckpoint, readMetrics } from '@stemkit/train/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startStem, stem, type Ended } from '../testing/stem-process.ts'
import { writeTinyRun } from '../testing/tiny-run.ts'

/** For processes on a machine that does other things too. */
const MINUTES = 60_000 * 3
const KILLS = 3

let dir: string
let redis: ChildProcess | undefined
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-stored-'))
  await writeTinyRun(dir)
  redis = await startRedis(join(dir, 'redis.sock'))
  await train('resident')
}, MINUTES)
afterAll(async () => {
  redis?.kill()
  await rm(dir, { recursive: true })
})

const train = (run: string, ...args: string[]): Promise<Ended> =>
  stem(['train', 'run.yaml', '--run', run, '--json', ...args], dir)

/** A budget for 250 of 300 rows of 448 bytes, so that rows leave memory and come back. */
const stored = (url: string, lookahead = 1): string[] =>
  Object.entries({ url, budget: 120_000, lookahead }).flatMap(([key, value]) => ['--set', `store.${key}=${value}`])

/** Everything that a step computed. */
const curveOf = async (run: string): Promise<unknown[]> =>
  (await readMetrics(join(dir, run, 'metrics.jsonl'))).map(({ index, loss, gradNorm, evaluation }) => [
    index,
    loss,
    gradNorm,
    evaluation?.loss,
  ])

/** A text that the greedy model writes, read from where the model folder says that the rows are. */
const textOf = async (run: string): Promise<string> => {
  const { stdout, stderr, code } = await stem(
    ['generate', `${run}/model`, '--prompt', 'the state', '--max-tokens', '12', '--temperature', '0'],
    dir,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

async function startRedis(socket: string): Promise<ChildProcess | undefined> {
  const args = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no']
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    await once(server, 'spawn')
  } catch {
    return undefined
  }
  let said = ''
  for await (const text of server.stdout) {
    said += String(text)
    if (/ready to accept connections/i.test(said)) break
  }
  return server
}

const places: [string, (name: string) => string, number][] = [
  ['a file', (name) => `file:./${name}-rows`, 1],
  ['a file, three steps ahead', (name) => `file:./${name}-rows`, 3],
  ['SQLite', (name) => `sqlite:./${name}.db`, 1],
  ['LMDB', (name) => `lmdb:./${name}-lmdb`, 1],
  ['memory over a file', (name) => `layered:memory:,file:./${name}-rows`, 1],
]

describe('stem train with its tables in a store', () => {
  test.each(places)(
    'gives the numbers of a run with tables in memory: %s',
    async (_place, url, lookahead) => {
      const run = `run${places.findIndex(([, each]) => each === url)}-${lookahead}`
      expect(await train(run, ...stored(url(run), lookahead))).toMatchObject({ code: 0 })
      expect(await curveOf(run)).toEqual(await curveOf('resident'))
      expect(await textOf(run)).toBe(await textOf('resident'))
    },
    MINUTES,
  )

  test(
    'gives the numbers of a run with tables in memory: Redis (needs redis-server)',
    async ({ skip }) => {
      if (!redis) skip('redis-server is not installed')
      const url = `redis+unix://${join(dir, 'redis.sock')}`
      expect(await train('redis', ...stored(url))).toMatchObject({ code: 0 })
      expect(await curveOf('redis')).toEqual(await curveOf('resident'))
    },
    MINUTES,
  )

  test(
    'killed at random moments, rows being fetched, it goes on from a snapshot and ends as one left alone',
    async () => {
      const args = stored('file:./killed-rows', 2)
      let [kills, steps] = [0, 2]
      while (kills < KILLS) {
        const resume = (await latestCheckpoint(join(dir, 'killed', 'checkpoints'))) ? ['--resume'] : []
        const started = startStem(['train', 'run.yaml', '--run', 'killed', ...args, ...resume], dir)
        const taken = async (): Promise<number> =>
          (await readMetrics(join(dir, 'killed', 'metrics.jsonl')).catch(() => [])).length
        while (started.process.exitCode === null && (await taken()) < steps) await setTimeout(3)
        await setTimeout(Math.random() * 12)
        started.process.kill('SIGKILL')
        const { signal, stderr } = await started.ended
        if (signal === null) {
          expect(stderr).toMatch(/^next:/)
          break
        }
        kills++
        // Rows that were made for a run that never got to a checkpoint are in its way.
        if (!(await latestCheckpoint(join(dir, 'killed', 'checkpoints')))) {
          await rm(join(dir, 'killed-rows'), { recursive: true, force: true })
          await rm(join(dir, 'killed'), { recursive: true, force: true })
        }
        steps += 3 + Math.floor(Math.random() * 6)
      }
      expect(kills).toBeGreaterThan(0)
      const resume = (await latestCheckpoint(join(dir, 'killed', 'checkpoints'))) ? ['--resume'] : []
      expect(await train('killed', ...args, ...resume)).toMatchObject({ code: 0 })
      expect(await curveOf('killed')).toEqual(await curveOf('resident'))
      expect(await textOf('killed')).toBe(await textOf('resident'))
    },
    MINUTES,
  )

  test(
    'says in one line what is in the way',
    async () => {
      expect(await train('first', ...stored('file:./taken'), '--set', 'training.steps=6')).toMatchObject({ code: 0 })
      expect(await train('second', ...stored('file:./taken'))).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^error: .*taken.*\n$/),
      })
      expect(await train('small', ...stored('file:./small-rows'), '--set', 'store.budget=4000')).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^error: .*budget.*\n$/),
      })
      expect(await train('typo', ...stored('fiel:./rows'))).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("did you mean 'file'"),
      })
      expect(await train('dense', ...stored('file:./dense-rows'), '--set', 'training.tables=dense')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('it must be lazy'),
      })
      const config = await readFile(join(dir, 'run.yaml'), 'utf8')
      expect(config).not.toContain('store')
    },
    MINUTES,
  )
})
