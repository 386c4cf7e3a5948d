import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { editedModel, type EditedModel } from '../testing/stored-tables.ts'

let folder: string
let served: EditedModel
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  folder = await mkdtemp(join(tmpdir(), 'stemkit-edits-'))
  served = await editedModel(folder)
})
afterEach(async () => {
  await served.dispose()
  await rm(folder, { recursive: true })
  vi.useRealTimers()
})

const later = (): void => void vi.advanceTimersByTime(1001)
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
