import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { overlayView, recordBytes, type RowTable } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { applyEdit, editStack, listEdits, planEdit, undoEdit, type EditInput } from '../index.ts'
import { layout, newTable, numbersOf, ROWS } from '../testing/tables.ts'

const USERS = [undefined, 'ann', 'bob'] as const
type User = (typeof USERS)[number]

/** A plain description, of which both the edit and what it must do are made. */
interface Step {
  readonly operation: 'swap' | 'overwrite' | 'mean' | 'interpolate' | 'add' | 'reset'
  readonly a: number
  readonly b: number
  readonly c: number
  readonly layers: readonly number[]
  readonly user: User
}

const id = fc.nat({ max: ROWS - 1 })
const step: fc.Arbitrary<Step> = fc.record({
  operation: fc.constantFrom('swap', 'overwrite', 'overwrite', 'mean', 'interpolate', 'add', 'reset'),
  a: id,
  b: id,
  c: id,
  layers: fc.constantFrom([0, 1], [0, 1], [0], [1]),
  user: fc.constantFrom(undefined, undefined, ...USERS),
})
/** Applies a step, or undoes one of those that are there. */
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ apply: step }) },
  { weight: 2, arbitrary: fc.record({ undo: fc.nat({ max: 9 }) }) },
)

function editOf({ operation, a, b, c, layers }: Step, name: string): EditInput {
  const common = { name, source: [a], layers: [...layers] }
  switch (operation) {
    case 'mean':
      return { ...common, operation, target: [b, c] }
    case 'interpolate':
      return { ...common, operation, target: [b], amount: 0.25 }
    case 'add':
      return { ...common, operation, vector: layers.map(() => [0.5, -1, 2]), amount: 0.5 }
    case 'reset':
      return { ...common, operation }
    default:
      return { ...common, operation, target: [b] }
  }
}

type Rows = readonly Float32Array[]
const base: Rows = Array.from({ length: ROWS }, (_, i) => numbersOf(i))

/** The rows after one more step, by its definition. */
function after(rows: Rows, { operation, a, b, c, layers }: Step): Rows {
  const next = rows.map((row) => row.slice())
  for (const layer of layers) {
    for (let i = 3 * layer; i < 3 * layer + 3; i++) {
      const [own, other, third] = [rows[a]![i]!, rows[b]![i]!, rows[c]![i]!]
      if (operation === 'swap') next[b]![i] = own
      if (operation === 'swap' || operation === 'overwrite') next[a]![i] = other
      if (operation === 'mean') next[a]![i] = 0.5 * other + 0.5 * third
      if (operation === 'interpolate') next[a]![i] = a === b ? own : 0.75 * own + 0.25 * other
      if (operation === 'add') next[a]![i] = own + 0.5 * [0.5, -1, 2][i % 3]!
      if (operation === 'reset') next[a]![i] = base[a]![i]!
    }
  }
  return next
}

interface Kept {
  readonly name: string
  readonly step: Step
}

const ordered = (kept: readonly Kept[], user: User): Kept[] => [
  ...kept.filter((each) => each.step.user === undefined),
  ...(user === undefined ? [] : kept.filter((each) => each.step.user === user)),
]
const foldOf = (kept: readonly Kept[], user: User): Rows =>
  ordered(kept, user).reduce((rows, each) => after(rows, each.step), base)

/** All bytes that a user's requests read, as one string to compare. */
async function bytesOf(table: RowTable, user: User): Promise<string> {
  const view = await overlayView(table, editStack({ table }, { user }))
  const bytes = Buffer.alloc(ROWS * view.rowBytes)
  await view.read(view.resolve(Uint32Array.from(base.keys())), bytes)
  return bytes.toString('hex')
}
const expectedBytes = (rows: Rows): string =>
  Buffer.concat(rows.map((row) => new Uint8Array(row.buffer))).toString('hex')

/** Whether a step takes anything from a row as it is before it. */
function takesFrom({ operation, a, b, c, layers }: Step, row: number): boolean {
  const others = { swap: [a, b], overwrite: [b], mean: [b, c], interpolate: [a, b], add: [a], reset: [] }[operation]
  const own = operation === 'swap' ? [a, b] : [a]
  return [...others, ...(layers.length < 2 ? own : [])].includes(row)
}

/** Whether one that lies over an edit was made from its rows. */
function isBuiltOn({ name, step: { operation, a, b, user } }: Kept, kept: readonly Kept[]): boolean {
  const at = kept.findIndex((each) => each.name === name)
  const above = kept.filter((each, i) => (each.step.user === user ? i > at : user === undefined))
  return above.some((each) => (operation === 'swap' ? [a, b] : [a]).some((row) => takesFrom(each.step, row)))
}

const isConflict = (error: unknown): boolean => StemkitError.isInstance(error) && error.code === 'conflict'
const isEmpty = (error: unknown): boolean => StemkitError.isInstance(error) && /keeps its own row/.test(error.message)

/** Runs commands: what is read then is what those edits do that are there, in order, whatever was undone between. */
async function run(table: RowTable, commands: readonly ({ apply: Step } | { undo: number })[]): Promise<void> {
  let kept: Kept[] = []
  for (const [i, each] of commands.entries()) {
    let next = kept
    let changed: Kept | undefined
    try {
      if ('apply' in each) {
        changed = { name: `e${i}`, step: each.apply }
        next = [...kept, changed]
        const plan = planEdit(editOf(each.apply, `e${i}`), { table })
        await applyEdit({ table }, plan, { user: each.apply.user })
      } else if (kept.length > 0) {
        changed = kept[each.undo % kept.length]!
        next = kept.filter((other) => other !== changed)
        await undoEdit({ table }, changed.name, { user: changed.step.user })
      }
      kept = next
    } catch (error) {
      if (isEmpty(error)) continue
      if (!isConflict(error)) throw error
      expect(isBuiltOn(changed!, 'apply' in each ? next : kept)).toBe(true)
    }
  }
  for (const user of USERS) expect(await bytesOf(table, user)).toBe(expectedBytes(foldOf(kept, user)))

  // Those of users first, then everybody's, the last ones first: nothing can be in the way.
  const everybodys = (each: Kept): number => (each.step.user === undefined ? 1 : 0)
  for (const each of kept.toReversed().toSorted((a, b) => everybodys(a) - everybodys(b))) {
    await undoEdit({ table }, each.name, { user: each.step.user })
  }
  expect(listEdits({ table })).toEqual([])
  expect(await bytesOf(table, 'ann')).toBe(expectedBytes(base))
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-edits-'))
})
afterEach(() => rm(folder, { recursive: true }))

const MINUTES = 5 * 60_000

test(
  '1,000 random sequences of edits and undos end where they should, and all undone leave every byte as it was',
  { timeout: MINUTES },
  async () => {
    const table = await newTable()
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 8 }), (commands) => run(table, commands)),
      { numRuns: 1000, endOnFailure: true },
    )
    await table.dispose()
  },
)

test('so they do where rows are in files', async () => {
  const url = pathToFileURL(join(folder, 'rows')).href
  const driver = await openFileRows(url, { create: { rows: ROWS, rowBytes: recordBytes(layout) } })
  const table = await newTable({ driver })
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 4, maxLength: 8 }), (commands) => run(table, commands)),
    { numRuns: 8, endOnFailure: true },
  )
  await table.dispose()
})
