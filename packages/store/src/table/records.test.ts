import { expect, test } from 'vitest'
import { memoryRows } from '../drivers/memory-rows.ts'
import { extendChain } from './chain.ts'
import { getRecord, mergeEntries, putRecord, recordNames, type Entries } from './records.ts'
import type { Root } from './root.ts'

const entries = (...pairs: [number, number][]): Entries => ({
  ids: Uint32Array.from(pairs, ([id]) => id),
  values: Uint32Array.from(pairs, ([, value]) => value),
})

test('a record is split into metas of a megabyte, and comes back whole', async () => {
  const { meta } = memoryRows({ rows: 1, rowBytes: 16 })
  const ids = Uint32Array.from({ length: 300_000 }, (_, i) => 3 * i)
  const record = { number: 4, writer: 2, entries: ids.length }
  await putRecord(meta!, record, { ids, values: ids.toReversed() }, {})
  expect(recordNames(record)).toEqual(['journal.4.2.0', 'journal.4.2.1', 'journal.4.2.2'])
  for (const name of recordNames(record)) expect((await meta!.get(name))!.bytes.length).toBeLessThan(2 ** 20 + 100)
  const back = await getRecord(meta!, record, {})
  expect(back.ids).toEqual(ids)
  expect(back.values).toEqual(ids.toReversed())
})

test('merged records hold what the newer one says, and else what the older one says', () => {
  const older = entries([1, 10], [3, 30], [4, 40])
  expect(mergeEntries(older, entries([0, 1], [3, 2], [9, 3]))).toEqual(
    entries([0, 1], [1, 10], [3, 2], [4, 40], [9, 3]),
  )
  expect(mergeEntries(older, entries())).toEqual(older)
  expect(mergeEntries(entries(), older)).toEqual(older)
})

test('a chain stays short, and what is rewritten is in proportion to what changed', async () => {
  const rows = 5000
  const { meta } = memoryRows({ rows: 1, rowBytes: 16 })
  let root = { rows, records: [] } as unknown as Root
  let chain: number[] = []
  const expected = new Map<number, number>()
  let changed = 0
  let written = 0
  for (let snapshot = 1; snapshot <= 1000; snapshot++) {
    // Some snapshots are large, most are small, and some rows come again and again.
    const count = snapshot % 50 === 0 ? 400 : 1 + (snapshot % 7)
    const ids = [...new Set(Array.from({ length: count }, (_, i) => (snapshot * 7919 + i * i * 31) % rows))].toSorted(
      (a, b) => a - b,
    )
    const values = ids.map((id) => (snapshot % 11 === 0 ? id : rows + snapshot))
    for (const [i, id] of ids.entries()) expected.set(id, values[i]!)
    const next = await extendChain(
      meta!,
      root,
      chain,
      { ids: Uint32Array.from(ids), values: Uint32Array.from(values) },
      {},
    )
    const record = { number: snapshot, writer: 1, entries: next.entries.ids.length }
    await putRecord(meta!, record, next.entries, {})
    root = { ...root, records: [...root.records, record] }
    chain = [...next.before, snapshot]
    changed += ids.length
    written += record.entries
    expect(chain.length).toBeLessThanOrEqual(2 + Math.log2(rows))
  }
  expect(written).toBeLessThan(3 * Math.log2(rows) * changed)
  const found = new Map<number, number>()
  for (const number of chain) {
    const { ids, values } = await getRecord(meta!, root.records[number - 1]!, {})
    for (const [i, id] of ids.entries()) found.set(id, values[i]!)
  }
  for (const [id, place] of expected) expect(found.get(id) ?? id).toBe(place)
  expect(found.size).toBeLessThanOrEqual(expected.size)
})
