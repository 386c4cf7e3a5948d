import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { firstRows } from '../data/first-rows.ts'
import { folderRows } from './folder-rows.ts'

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'stemkit-rows-'))))
afterEach(() => rm(folder, { recursive: true }))

const put = async (file: string, content: string | Uint8Array): Promise<void> => {
  const path = join(folder, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}
const parquet = (names: readonly string[], numbers: readonly number[]): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'text', data: [...names], type: 'STRING' },
        { name: 'answer', data: numbers.map(BigInt), type: 'INT64' },
      ],
    }),
  )
const read = (split: string, path = 'org/set', name?: string) =>
  folderRows(folder)({ path, split, ...(name !== undefined && { name }) })

describe('rows of a folder', () => {
  test('are read from JSONL, JSON, CSV, TSV and Parquet alike', async () => {
    const rows = [
      { text: 'a, "b"', answer: 1 },
      { text: 'é\nf', answer: 2 },
    ]
    const asText = rows.map(({ text, answer }) => ({ text, answer: String(answer) }))
    await put('org/set/lines.jsonl', rows.map((row) => JSON.stringify(row)).join('\n\n'))
    await put('org/set/list.json', JSON.stringify(rows))
    await put('org/set/object.json', JSON.stringify({ canary: 'x', examples: rows }))
    await put('org/set/table.csv', '\ufefftext,answer\r\n"a, ""b""",1\r\n"é\nf",2\r\n')
    await put('org/set/tabs.tsv', 'text\tanswer\n"a, ""b"""\t1\n"é\nf"\t2\n')
    await put(
      'org/set/columns.parquet',
      parquet(
        rows.map(({ text }) => text),
        [1, 2],
      ),
    )
    for (const split of ['lines', 'list', 'object', 'columns']) expect(await read(split), split).toEqual(rows)
    for (const split of ['table', 'tabs']) expect(await read(split), split).toEqual(asText)
  })

  test('are found by the data set and its name, or by the last part of it', async () => {
    await put('org/set/easy/test.jsonl', '{"a":1}')
    await put('other/train.jsonl', '{"a":2}')
    expect(await read('test', 'org/set', 'easy')).toEqual([{ a: 1 }])
    expect(await read('train', 'some/other')).toEqual([{ a: 2 }])
    expect(await read('validation', 'some/other')).toBeUndefined()
    await expect(read('test', 'org/none')).rejects.toThrow(
      /org\/none is no folder: the rows of org\/none should be there/,
    )
    await expect(read('test', '../set')).rejects.toThrow("'../set' is no name")
  })

  test('may be in several files, none of which may be missing', async () => {
    await put('org/set/test-00000-of-00002.parquet', parquet(['a'], [1]))
    await put('org/set/test-00001-of-00002.parquet', parquet(['b', 'c'], [2, 3]))
    await put('org/set/train-00000-of-00002.jsonl', '{"a":1}')
    expect((await read('test'))?.map(({ text }) => text)).toEqual(['a', 'b', 'c'])
    await expect(read('train')).rejects.toThrow('has 1 of 2 parts of train')
  })

  test('that are broken are named, with the line', async () => {
    await put('org/set/cut.jsonl', '{"a":1}\n{"a":')
    await put('org/set/list.jsonl', '{"a":1}\n\n[2]\n')
    await put('org/set/ragged.csv', 'a,b\n1,2\n3\n')
    await put('org/set/two.json', '{"a":[],"b":[]}')
    await put('org/set/half.parquet', parquet(['a'], [1]).slice(0, 40))
    await expect(read('cut')).rejects.toThrow(/cut\.jsonl, line 2 is no JSON/)
    await expect(read('list')).rejects.toThrow(/list\.jsonl, line 3 is no object/)
    await expect(read('ragged')).rejects.toThrow(/ragged\.csv: .*line 3/)
    await expect(read('two')).rejects.toThrow('holds no list of rows')
    await expect(read('half')).rejects.toThrow(/half\.parquet is no Parquet file/)
  })
})

test('the first source that has a split gives its rows', async () => {
  await put('one/org/set/test.jsonl', '{"a":1}')
  await put('two/org/set/test.jsonl', '{"a":2}')
  await put('two/org/other/test.jsonl', '{"a":3}')
  await put('two/org/set/train.jsonl', '{"a":4}')
  const rows = firstRows([folderRows(join(folder, 'one')), folderRows(join(folder, 'two'))])
  expect(await rows({ path: 'org/set', split: 'test' })).toEqual([{ a: 1 }])
  expect(await rows({ path: 'org/other', split: 'test' })).toEqual([{ a: 3 }])
  expect(await rows({ path: 'org/set', split: 'train' })).toEqual([{ a: 4 }])
  expect(await rows({ path: 'org/set', split: 'validation' })).toBeUndefined()
  await expect(rows({ path: 'org/none', split: 'test' })).rejects.toThrow(/one.*; .*two/)
})
