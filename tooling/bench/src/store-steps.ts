import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Peer } from './process-peer.ts'
import { textBatches } from './real-batches.ts'
import type { BenchmarkOptions, Result, Target } from './report.ts'
import { startStemkitPeer } from './stemkit-peer.ts'
import { interleave, medianRatio, type Timing } from './timing.ts'
import { BATCH, SHAPES } from './train-shape.ts'
import { writeTask, type StoreTask } from './training-task.ts'

const WARM_UP = 10
const ROUNDS = 11

/**
 * The STEM step of `bench train` on real text, with the tables in memory, in a file and in Redis: eight times the memory that
 * the store has, the optimiser's state and the checksums included, rows of the next step fetched ahead.
 */
export async function measureSteps({
  progress,
  quick = false,
  signal,
}: BenchmarkOptions): Promise<{ results: Result[]; peers: Record<string, unknown> }> {
  await using opened = new AsyncDisposableStack()
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), 'stemkit-bench-')), (path) => rm(path, { recursive: true }))
  const { vocabSize, ffnHidden, layers } = SHAPES.stem
  const tableBytes = vocabSize * ffnHidden * (layers - 1) * 12
  const batches = textBatches(SHAPES.stem.vocabSize, BATCH, WARM_UP + ROUNDS + 4)
  const open = async (name: string, store?: StoreTask): Promise<Peer> => {
    const task = {
      config: SHAPES.stem,
      batches,

      learningRate: 3e-4,
      touched: true,
      ...(store ? { store } : {}),
    }
    const { path } = opened.adopt(await writeTask(task), (file) => file.dispose())
    progress(`starting ${name}`)
    return opened.adopt(await startStemkitPeer({ task: path, ...(signal ? { signal } : {}) }), (each) => each.dispose())
  }

  const budget = Math.floor(tableBytes / 8)
  const sides: Record<string, Peer> = {
    resident: await open('tables in memory'),
    file: await open('tables in a file', { url: `file:${join(folder, 'rows')}`, budget }),
  }
  const redis = await startRedis(folder)
  if (redis) {
    opened.adopt(redis.process, (server) => void server.kill())
    sides['redis'] = await open('tables in Redis', { url: redis.url, budget })
  } else progress('Redis: skipped, there is no redis-server')

  const first = await Promise.all(Object.values(sides).map((side) => side.step()))
  if (first.some(({ loss }) => loss !== first[0]!.loss)) throw new Error('the sides do not compute the same')
  const times: Record<string, Timing> = await interleave(sides, {
    rounds: quick ? 2 : ROUNDS,
    warmUp: quick ? 1 : WARM_UP,
    progress,
    ...(signal ? { signal } : {}),
  })
  const ratio = (name: string): number | null => (times[name] ? medianRatio(times[name], times['resident']!) : null)
  const result = (metric: string, value: number | null | undefined, unit: string, target: Target = null): Result => ({
    metric,
    value: value ?? null,
    unit,
    target,
  })
  const results = [
    result('offloaded_step_vs_resident', ratio('file'), 'ratio of time', '<= 1.05'),
    result('redis_step_vs_resident', ratio('redis'), 'ratio of time', '<= 1.25'),
    ...Object.keys(sides).map((name) => result(`${name}_step`, times[name]?.median, 'ms')),
  ]
  for (const [name, side] of Object.entries(sides)) {
    if (name === 'resident') continue
    const { rows, snapshotMs } = await side.ask<{ rows: { cache: { hitRate: number } }; snapshotMs: number }>(
      'snapshot',
    )
    results.push(
      result(`${name}_hit_rate`, rows.cache.hitRate, 'of rows'),
      result(`${name}_snapshot`, snapshotMs, 'ms'),
    )
  }
  results.push(result('table_bytes', tableBytes, 'bytes'), result('budget', budget, 'bytes'))
  return { results, peers: { redis: redis ? redis.version : 'not installed' } }
}

async function startRedis(
  folder: string,
): Promise<{ process: ChildProcess; url: string; version: string } | undefined> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const server = spawn('redis-server', [...args, '--appendonly', 'yes', '--appendfsync', 'everysec'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    await once(server, 'spawn')
  } catch {
    return undefined
  }
  let said = ''
  for await (const text of server.stdout) {
    said += String(text)
    if (said.includes('Ready to accept connections')) break
  }
  const version = /version[= ]([\d.]+)/i.exec(said)?.[1] ?? 'unknown'
  return { process: server, url: `redis://127.0.0.1:${port}?prefix=bench`, version: `${version}, appendfsync everysec` }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
