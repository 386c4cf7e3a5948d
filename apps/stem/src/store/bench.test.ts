import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RowLayout } from '@stemkit/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeCommand } from '../commands/store.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand } from '../testing/run-command.ts'
import type { BenchReport } from './bench/print-bench.ts'
import { nextBatch, randomNumbers, zipfRows } from './bench/row-streams.ts'
import { makeFileTable } from './testing/tables.ts'

const layout: RowLayout = { layers: 2, width: 32, dtype: 'f32', state: 'adam' }
let dir: string
let url: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-bench-'))
  url = `file:${join(dir, 'rows')}`
  await makeFileTable(join(dir, 'rows'), { rows: 96, layout, byteOf: (id) => id })
})
afterAll(() => rm(dir, { recursive: true }))

const bench = (...args: string[]) => runCommand(storeCommand(), ['bench', ...args])
const quick = ['--seconds', '0.02']

async function reportOf(...args: string[]): Promise<BenchReport> {
  const { code, stdout, stderr } = await bench(...args, ...quick, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as BenchReport
}

describe('stem store bench', () => {
  test('measures reading, and says what of', async () => {
    const report = await reportOf(url, '--batch', '10')
    expect(report).toMatchObject({ url, rows: 96, rowBytes: 768, stream: 'Zipf', batch: 10, interrupted: false })
    expect(report.measurements.map(({ name }) => name)).toEqual(['batch', 'single row', 'scan'])
    for (const { rows, bytes, seconds, calls, rowsPerSecond, bytesPerSecond, latency } of report.measurements) {
      expect(calls).toBeGreaterThan(0)
      expect(bytes).toBe(768 * rows)
      expect(rowsPerSecond).toBeCloseTo(rows / seconds)
      expect(bytesPerSecond).toBeCloseTo(bytes / seconds)
      expect(latency.p50).toBeGreaterThan(0)
      expect(latency.p99).toBeGreaterThanOrEqual(latency.p95)
      expect(latency.p95).toBeGreaterThanOrEqual(latency.p50)
    }
    const [batch, single, scan] = report.measurements
    expect(batch!.rows).toBe(10 * batch!.calls)
    expect(single!.rows).toBe(single!.calls)
    expect(scan!.rows).toBe(96 * scan!.calls)
  })

  test('measures a cache of a budget', async () => {
    const { measurements } = await reportOf(url, '--batch', '96', '--budget', '4MiB')
    // It holds the whole table after the first batch, which does not count.
    expect(measurements.at(-1)).toMatchObject({ name: 'cached batch', hitRate: 1 })
    expect(await bench(url, ...quick, '--batch', '96', '--budget', '8KiB')).toMatchObject({ stdout: '' })
  })

  test('writes to a table beside it, which is gone after, and not to the table', async () => {
    const before = await readFile(join(dir, 'rows', 'rows.bin'))
    const root = await readFile(join(dir, 'rows', 'meta', 'root'))
    const files = await readdir(dir)
    const { measurements } = await reportOf(url, '--batch', '10', '--write')
    expect(measurements.map(({ name }) => name).slice(-2)).toEqual(['write', 'write + flush'])
    expect((await readFile(join(dir, 'rows', 'rows.bin'))).equals(before)).toBe(true)
    expect((await readFile(join(dir, 'rows', 'meta', 'root'))).equals(root)).toBe(true)
    expect(await readdir(dir)).toEqual(files)
  })

  test('cleans up in the same way beside databases', async () => {
    for (const scheme of ['sqlite', 'lmdb']) {
      const copy = `${scheme}:${join(dir, `in-${scheme}`)}`
      expect(await runCommand(storeCommand(), ['copy', url, copy])).toMatchObject({ code: 0 })
      await reportOf(copy, '--batch', '10', '--write')
    }
    expect((await readdir(dir)).filter((name) => name.includes('bench'))).toEqual([])
  })

  test('draws the tokens of a text', async () => {
    await writeTinyModel(join(dir, 'model'))
    await writeFile(join(dir, 'text.txt'), 'the quick brown fox jumps over the lazy dog')
    const text = ['--text', join(dir, 'text.txt'), '--tokenizer', join(dir, 'model')]
    const { stream, measurements } = await reportOf(url, '--batch', '20', ...text)
    expect(stream).toBe(join(dir, 'text.txt'))
    expect(measurements[0]!.rows).toBe(20 * measurements[0]!.calls)
    const other = `file:${join(dir, 'few')}`
    await makeFileTable(join(dir, 'few'), { rows: 20, layout, byteOf: (id) => id })
    expect(await bench(other, ...text)).toMatchObject({ code: 2, stderr: expect.stringContaining('has 20 rows') })
  })

  test('prints a table', async () => {
    const { stdout } = await bench(url, ...quick)
    expect(stdout).toMatch(/^96 rows of 768 B; batches of 96 different rows, Zipf\n/)
    expect(stdout).toMatch(/^batch( +\S+){6}/m)
  })

  test('that is interrupted prints what it has', async () => {
    const running = bench(url, '--seconds', '600', '--json')
    setTimeout(() => process.emit('SIGINT'), 300)
    const { code, stdout } = await running
    expect(code).toBe(130)
    const { interrupted, measurements } = JSON.parse(stdout) as BenchReport
    expect(interrupted).toBe(true)
    expect(measurements.map(({ name }) => name)).toEqual(['batch'])
  })

  test('refuses what makes no sense', async () => {
    for (const args of [
      ['--batch', '97'],
      ['--batch', '0'],
      ['--seconds', '-1'],
      ['--budget', 'much'],
      ['--text', 'x'],
    ]) {
      expect(await bench(url, ...args)).toMatchObject({ code: expect.any(Number), stdout: '' })
      expect((await bench(url, ...args)).code).not.toBe(0)
    }
    expect(await bench(`file:${join(dir, 'none')}`)).toMatchObject({ code: 1 })
  })
})

test('rows by the law of Zipf: about 1 / (rank + 2.7), all of them in range', () => {
  const rows = 1000
  const stream = zipfRows(rows, randomNumbers(1))
  const counts = new Float64Array(rows)
  for (let i = 0; i < 200_000; i++) counts[stream.next()]!++
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200_000)
  const expected = (rank: number): number => 200_000 / Math.log((rows + 2.7) / 2.7) / (rank + 2.7 + 0.5)
  for (const rank of [0, 3, 10]) expect(counts[rank]! / expected(rank)).toBeCloseTo(1, 1)
  const batch = nextBatch(stream, 370)
  expect(batch).toHaveLength(370)
  expect(batch).toEqual(batch.toSorted())
})
