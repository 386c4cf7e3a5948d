import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRowTable, type RowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { serveEdits, type ServedEdits } from './serve-edits.ts'
import { editedModel, type EditedModel } from '../testing/stored-tables.ts'

let folder: string
let served: EditedModel
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval', 'Date'] })
  folder = await mkdtemp(join(tmpdir(), 'stemkit-edits-'))
  served = await editedModel(folder)
})
afterEach(async () => {
  vi.useRealTimers()
  await served.dispose()
  await rm(folder, { recursive: true })
})

const later = (ms = 1001): void => void vi.advanceTimersByTime(ms)
const namesOf = async (overlay?: string) => {
  const { rows, release } = await served.edits.use(overlay)
  release()
  return rows.overlays
}

/** Puts an overlay over the tables as another process would. */
async function addElsewhere(name: string): Promise<void> {
  const table = await openRowTable({ driver: await fileRows(folder), mode: 'write' })
  await table.addOverlay(name, Uint32Array.of(1), new Uint8Array(table.rowBytes))
  await table.dispose()
}

/** A change that lasts until it is let go. */
async function slowChange() {
  let end!: () => void
  const gate = new Promise<void>((resolve) => (end = resolve))
  const begun = Promise.withResolvers<void>()
  const done = served.edits.change(async () => {
    begun.resolve()
    await gate
  })
  await begun.promise
  return { end, done }
}

test('a request does not wait for edits under way, even when it is time to look for others', async () => {
  const { end, done } = await slowChange()
  later()
  expect(await namesOf()).toEqual([])
  expect(await namesOf('edit/ann/')).toEqual([])
  end()
  await done
})

test('a request for an overlay that is not known waits for them, and its signal ends that', async () => {
  const { end, done } = await slowChange()
  const controller = new AbortController()
  const stopped = served.edits.use('apart', { signal: controller.signal })
  const waiting = namesOf('apart')
  controller.abort(new Error('gone'))
  await expect(stopped).rejects.toThrow('gone')
  end()
  await expect(waiting).rejects.toMatchObject({ code: 'not-found' })
  await done
})

test('an overlay that is not known is looked for at once, and then once a second', async () => {
  await expect(namesOf('first')).rejects.toMatchObject({ code: 'not-found' })
  await addElsewhere('first')
  await expect(namesOf('first')).rejects.toMatchObject({ code: 'not-found' })
  later()
  expect(await namesOf('first')).toEqual(['first'])
})

test('a beginning that no overlay has reads what everybody reads', async () => {
  const [own, none] = [await served.edits.use(), await served.edits.use('edit/nobody/')]
  expect(none.rows).toBe(own.rows)
  own.release()
  none.release()
  await addElsewhere('edit/ann/mine')
  await served.edits.look(async () => {})
  expect(await namesOf('edit/ann/')).toEqual(['edit/ann/'])
})

test('edits of other processes are found while nobody asks', async () => {
  await addElsewhere('apart')
  const before = served.edits.tables
  later()
  await vi.waitFor(() => expect(served.edits.tables).not.toBe(before))
})

test('a look names the version that it saw, whatever came after', async () => {
  const seen = await served.edits.look(async (_, tables) => {
    await served.edits.change(({ table }) => table.addOverlay('new', Uint32Array.of(1), new Uint8Array(table.rowBytes)))
    return tables
  })
  expect([seen, served.edits.tables].map((tables) => tables.split('/')[1])).toEqual(['1', '2'])
})

test('a change whose signal fires while it waits for its turn is never begun, and one under way is let go', async () => {
  const { end, done } = await slowChange()
  const controller = new AbortController()
  const work = vi.fn()
  const waiting = served.edits.change(work, { signal: controller.signal })
  const stuck = new AbortController()
  controller.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  end()
  await done
  const begun = Promise.withResolvers<void>()
  const hanging = served.edits.change(
    () => {
      begun.resolve()
      return new Promise(() => {})
    },
    { signal: stuck.signal },
  )
  await begun.promise
  stuck.abort(new Error('too long'))
  await expect(hanging).rejects.toThrow('too long')
  expect(work).not.toHaveBeenCalled()
  // It holds the store's own lock still, and that is what others are told.
  await expect(served.edits.change(work)).rejects.toMatchObject({ code: 'conflict' })
})

test('a version whose hold ran out is opened anew', async () => {
  await addElsewhere('first')
  await served.edits.look(async () => {})
  // As after a night in which the machine slept.
  vi.setSystemTime(Date.now() + 3_600_000)
  const { rows, release } = await served.edits.use('first')
  const read = () =>
    rows.gather({ unique: Uint32Array.of(1) }, new Float32Array(rows.layout.layers * rows.layout.width))
  await expect(read()).rejects.toMatchObject({ code: 'conflict' })
  release()
  await served.edits.look(async () => {})
  const anew = await served.edits.use('first')
  await anew.rows.gather({ unique: Uint32Array.of(1) }, new Float32Array(rows.layout.layers * rows.layout.width))
  anew.release()
})

describe('a store that says nothing', () => {
  /** What each of these hangs on, if anything. */
  let silence: { opening?: Promise<void>; versions?: Promise<void> }
  let asked: PromiseWithResolvers<void>
  /** Tables that were opened and not disposed. */
  let open = 0
  let edits: ServedEdits
  beforeEach(async () => {
    vi.useFakeTimers({
      toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'],
      // The store pauses with them, too.
      shouldAdvanceTime: true,
    })
    silence = {}
    asked = Promise.withResolvers()
    open = 0
    const after = async (answer: Promise<void> | undefined): Promise<void> => {
      if (answer) asked.resolve()
      await answer
    }
    edits = await serveEdits({
      rows: served.store,
      lookTimeoutMs: 60_000,
      async openTable(mode, cancel) {
        await after(silence.opening)
        const table = await served.openTable(mode, cancel)
        open++
        return Object.create(table, {
          versions: { value: () => after(silence.versions).then(() => table.versions()) },
          dispose: { value: () => table.dispose().then(() => open--) },
        }) as RowTable
      },
    })
  })
  afterEach(() => edits.dispose())

  const look = (signal?: AbortSignal) => edits.look(async (_, tables) => tables, signal ? { signal } : {})
  const versionOf = (tables: string): string => tables.split('/')[1]!

  test('is waited for so long, while requests go on; changes behind it come to their turn', async () => {
    silence.versions = new Promise(() => {})
    const looking = look()
    await asked.promise
    silence = {}
    const changing = edits.change(({ table }) =>
      table.addOverlay('new', Uint32Array.of(1), new Uint8Array(table.rowBytes)),
    )
    const { rows, release } = await edits.use()
    expect(rows.version).toBe(1)
    release()
    later(60_000)
    await expect(looking).rejects.toThrow('edits: their store did not answer within 60 s; try again')
    await changing
    expect(versionOf(edits.tables)).toBe('2')
  })

  test('is waited for by nobody whose signal fires', async () => {
    silence.versions = new Promise(() => {})
    const controller = new AbortController()
    const looking = look(controller.signal)
    controller.abort(new Error('gone'))
    await expect(looking).rejects.toThrow('gone')
  })

  test('is let go when the edits are disposed', async () => {
    silence.versions = new Promise(() => {})
    const looking = expect(look()).rejects.toThrow('ended')
    await asked.promise
    await edits.dispose()
    await looking
  })

  test('is closed again when it opens too late', async () => {
    await addElsewhere('apart')
    const late = Promise.withResolvers<void>()
    silence.opening = late.promise
    const looking = look()
    await asked.promise
    later(60_000)
    await expect(looking).rejects.toMatchObject({ code: 'io' })
    silence = {}
    expect(versionOf(await look())).toBe('2')
    late.resolve()
    await vi.waitFor(() => expect(open).toBe(1))
  })
})
