import { expect, test } from 'vitest'
import { inTurn, unlessAborted } from './waiting.ts'

test('work is done in the order in which it was asked for, and goes on after a failure', async () => {
  const turns = inTurn()
  const seen: string[] = []
  let open!: () => void
  const gate = new Promise<void>((resolve) => (open = resolve))
  const first = turns(async () => {
    await gate
    seen.push('first')
    throw new Error('no')
  })
  const second = turns(() => seen.push('second'))
  expect(seen).toEqual([])
  open()
  await expect(first).rejects.toThrow('no')
  expect(await second).toBe(2)
  expect(seen).toEqual(['first', 'second'])
})

test('a wait ends with what was waited for, or with the reason of the signal', async () => {
  const never = new Promise<number>(() => {})
  const controller = new AbortController()
  expect(await unlessAborted(Promise.resolve(1), controller.signal)).toBe(1)
  const waiting = unlessAborted(never, controller.signal)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(unlessAborted(never, controller.signal)).rejects.toThrow('enough')
})
