import { overlayView, type RowTable } from '@stemkit/store'
import { parseSafetensors, serializeSafetensors } from '@stemkit/weights'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  applyEdit,
  editStack,
  exportPatch,
  importPatch,
  listEdits,
  planEdit,
  undoEdit,
  type EditInput,
} from '../index.ts'
import { layout, newTable, ROWS } from '../testing/tables.ts'
import { spacedTokenizer } from '../testing/tokenizers.ts'

const apply = (table: RowTable, edit: EditInput, user?: string) =>
  applyEdit({ table }, planEdit(edit, { table }), { user })

async function bytesOf(table: RowTable, user?: string): Promise<string> {
  const view = await overlayView(table, editStack({ table }, { user }))
  const bytes = Buffer.alloc(ROWS * view.rowBytes)
  await view.read(view.resolve(Uint32Array.from({ length: ROWS }, (_, i) => i)), bytes)
  return bytes.toString('hex')
}

let [table, copy]: RowTable[] = []
beforeEach(async () => {
  table = await newTable()
  copy = await newTable()
  await apply(table, { name: 'a', source: [3], target: [1] })
  await apply(table, { name: 'b', operation: 'add', source: [3], vector: [[1, 2, 3]], layers: [1] })
  await apply(table, { name: 'c', operation: 'swap', source: [5], target: [6] })
})

describe('a patch', () => {
  test('does to a copy what its edits did, as one that can be undone', async () => {
    const before = await bytesOf(copy!)
    const patch = await exportPatch({ table: table! })
    const imported = await importPatch({ table: copy! }, patch, { name: 'facts' })
    expect(imported).toMatchObject({ name: 'facts', writes: [3, 5, 6], version: copy!.version })
    expect(imported.edits.map(({ name, operation }) => [name, operation])).toEqual([
      ['a', 'overwrite'],
      ['b', 'add'],
      ['c', 'swap'],
    ])
    expect(await bytesOf(copy!)).toBe(await bytesOf(table!))
    await undoEdit({ table: copy! }, 'facts')
    expect(await bytesOf(copy!)).toBe(before)
  })

  test('is small, and any reader of safetensors reads its rows', async () => {
    const patch = await exportPatch({ table: table! }, { edits: ['c'] })
    expect(patch.length).toBeLessThan(1500)
    const { tensors } = parseSafetensors(patch)
    expect(tensors.get('rows')).toMatchObject({ dtype: 'F32', shape: [2, layout.layers, layout.width] })
    expect([...new Uint32Array(tensors.get('tokens')!.data.slice().buffer)]).toEqual([5, 6])
  })

  test.each(['f16', 'bf16', 'int8'] as const)('takes over rows of %s byte for byte', async (dtype) => {
    const shape = { layout: { ...layout, width: 5, dtype } }
    const [one, other] = [await newTable(shape), await newTable(shape)]
    await apply(one, { name: 'a', operation: 'mean', source: [3], target: [1, 2], layers: [0] })
    await importPatch({ table: other }, await exportPatch({ table: one }))
    expect(await bytesOf(other)).toBe(await bytesOf(one))
  })

  test('holds values alone: a table in training is a copy too', async () => {
    const trained = await newTable({ layout: { ...layout, state: 'adam' } })
    await importPatch({ table: trained }, await exportPatch({ table: table! }))
    await importPatch({ table: copy! }, await exportPatch({ table: trained }))
    expect(await bytesOf(copy!)).toBe(await bytesOf(table!))
  })

  test('can be one user alone', async () => {
    await importPatch({ table: copy! }, await exportPatch({ table: table! }), { user: 'ann' })
    expect(await bytesOf(copy!, 'ann')).toBe(await bytesOf(table!))
    expect(await bytesOf(copy!)).toBe(await bytesOf(await newTable()))
    const own = await exportPatch({ table: copy! }, { user: 'ann' })
    await importPatch({ table: copy! }, own, { user: 'bob' })
    expect(await bytesOf(copy!, 'bob')).toBe(await bytesOf(table!))
  })

  test('is not made of edits that were made from others', async () => {
    await expect(exportPatch({ table: table! }, { edits: ['b'] })).rejects.toThrow(
      "'b' was made from rows of 'a', which is not exported; export both",
    )
    await expect(exportPatch({ table: table! }, { edits: ['d'] })).rejects.toMatchObject({ code: 'not-found' })
    await expect(exportPatch({ table: copy! })).rejects.toThrow('no edits to export')
  })
})

describe('a patch is refused in one line, and nothing applied', () => {
  const refused = async (
    patch: Uint8Array,
    into: RowTable,
    options = {},
  ): Promise<{ code: string; message: string }> => {
    const { version } = into
    const error: unknown = await importPatch({ table: into }, patch, options).catch((reason: unknown) => reason)
    expect(into.version).toBe(version)
    expect(listEdits({ table: into })).toEqual([])
    const { code, message } = error as { code: string; message: string }
    expect(message).not.toContain('\n')
    return { code, message }
  }

  test('with any byte flipped', async () => {
    const patch = await exportPatch({ table: table! }, { edits: ['c'], name: 'p' })
    for (let at = 0; at < patch.length; at++) {
      const flipped = patch.slice()
      flipped[at]! ^= 1 << (at % 8)
      const { code } = await refused(flipped, copy!)
      expect(['corrupt', 'bad-input', 'unsupported'], `byte ${at}`).toContain(code)
    }
    for (const length of [0, 7, 100, patch.length - 1]) await refused(patch.subarray(0, length), copy!)
    await importPatch({ table: copy! }, patch)
  })

  test('for another base, of other numbers or another shape', async () => {
    const patch = await exportPatch({ table: table! })
    const other = await newTable()
    await other.write(Uint32Array.of(9), new Uint8Array(24))
    await other.snapshot()
    expect(await refused(patch, other)).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('another base model') as string,
    })
    const half = await newTable({ layout: { ...layout, dtype: 'f16' } })
    expect((await refused(patch, half)).message).toBe(
      'patch: it is for 10 rows of 2 x 3 f32, this table has 10 rows of 2 x 3 f16',
    )
  })

  test('with a wrong vocabulary', async () => {
    const [one, other] = [spacedTokenizer(['Spain']), spacedTokenizer(['Japan'])]
    const patch = await exportPatch({ table: table! }, { tokenizer: one })
    expect((await refused(patch, copy!, { tokenizer: other })).message).toContain('another vocabulary')
    await importPatch({ table: copy! }, patch, { tokenizer: one })
  })

  test('of a newer format, and what is none', async () => {
    const { tensors, metadata } = parseSafetensors(await exportPatch({ table: table! }))
    expect(await refused(serializeSafetensors(tensors, { ...metadata, version: '2' }), copy!)).toEqual({
      code: 'unsupported',
      message: 'patch: it has format 2, this release reads 1; update it',
    })
    expect(await refused(serializeSafetensors(tensors), copy!)).toEqual({
      code: 'bad-input',
      message: 'patch: this is no patch of edits',
    })
  })

  test("where it would change rows that a user's edit was made from", async () => {
    await apply(copy!, { name: 'mine', source: [7], target: [3] }, 'ann')
    await expect(importPatch({ table: copy! }, await exportPatch({ table: table! }))).rejects.toThrow(
      "edit 'patch' cannot be applied: 'mine' of user 'ann'",
    )
    expect(listEdits({ table: copy! })).toHaveLength(1)
  })
})
