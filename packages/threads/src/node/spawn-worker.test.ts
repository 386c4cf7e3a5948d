import { expect, test } from 'vitest'
import { createArena } from '../arena.ts'
import { spawnWorker } from './spawn-worker.ts'

/** What a thread posts until it says 'done' or fails. */
async function messagesOf(script: string, data: unknown, name?: string): Promise<string[]> {
  const messages: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const on = {
    message: (message: string) => (message === 'done' ? resolve() : void messages.push(message)),
    failed: reject,
  }
  const worker = spawnWorker(script, data, on, name)
  try {
    await promise
    return messages
  } finally {
    await worker.terminate()
  }
}

test('a thread works on the memory of the one that started it', async () => {
  const { memory, float32 } = createArena(1024)
  const values = float32(4)
  values.set([1, 2, 3, 4])
  const script = `({ memory, at }, post) => {
    const values = new Float32Array(memory.buffer, at, 4)
    values.forEach((value, i) => (values[i] = value * value))
    post(String(values.length))
    post('done')
  }`
  expect(await messagesOf(script, { memory, at: values.byteOffset })).toEqual(['4'])
  expect([...values]).toEqual([1, 4, 9, 16])
})

test('a thread has a name', async () => {
  const script = `(_data, post) => { post(require('node:worker_threads').threadName); post('done') }`
  expect(await messagesOf(script, undefined, 'adder')).toEqual(['adder'])
})

test.each([
  ['throws', `() => { throw new Error('no such row') }`, 'no such row'],
  ['does not parse', `() => { what is this }`, 'Unexpected identifier'],
  ['ends by itself', `() => process.exit()`, 'the thread ended'],
])('says that a thread %s', async (_what, script, reason) => {
  await expect(messagesOf(script, undefined)).rejects.toThrow(reason)
})
