import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { allOf, openRoom } from './waiting.ts'

describe('a room', () => {
  test('lets in as many as fit, in order', async () => {
    const room = openRoom(10)
    const inside: string[] = []
    const enter = async (name: string, size: number): Promise<() => void> => {
      const leave = await room.enter(size)
      inside.push(name)
      return leave
    }
    const [a, b, c] = [enter('a', 6), enter('b', 5), enter('c', 1)]
    await pause(1)
    expect(inside).toEqual(['a'])
    ;(await a)()
    await pause(1)
    expect(inside).toEqual(['a', 'b', 'c'])
    for (const leave of [await b, await c]) leave()
  })

  test('lets in alone what is larger than it', async () => {
    const room = openRoom(10)
    const first = await room.enter(1)
    const large = room.enter(100)
    first()
    ;(await large)()
    ;(await room.enter(10))()
  })

  test('forgets those who stop waiting', async () => {
    const room = openRoom(1)
    const leave = await room.enter(1)
    const stop = new AbortController()
    const waiting = room.enter(1, stop.signal)
    const next = room.enter(1)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    leave()
    ;(await next)()
    ;(await room.enter(1))()
  })
})

describe('all of some tasks', () => {
  test('stop when one fails, and have ended when that is told', async () => {
    const ended: number[] = []
    const task = async (time: number, signal: AbortSignal): Promise<void> => {
      try {
        if (time === 2) throw new Error('two')
        await pause(10_000, undefined, { signal })
      } finally {
        await pause(1)
        ended.push(time)
      }
    }
    await expect(allOf([1, 2, 3], task, undefined)).rejects.toThrow('two')
    expect(ended.toSorted()).toEqual([1, 2, 3])
  })
})
