import { expect, test } from 'vitest'
import { merge } from './merge.ts'

async function* numbers(count: number, seen: string[], name: string): AsyncGenerator<number, void> {
  try {
    for (let i = 0; i < count; i++) {
      await Promise.resolve()
      seen.push(`${name}${i}`)
      yield i
    }
  } finally {
    seen.push(`${name} ends`)
  }
}

test('items of all sources come, those of each in its order', async () => {
  const found: number[][] = [[], [], []]
  const sources = [3, 0, 5].map((count) => numbers(count, [], ''))
  for await (const { source, value } of merge(sources)) found[source]!.push(value)
  expect(found).toEqual([[0, 1, 2], [], [0, 1, 2, 3, 4]])
})

test('a consumer that takes nothing makes sources wait', async () => {
  const seen: string[] = []
  const merged = merge([numbers(100, seen, 'a'), numbers(100, seen, 'b')])
  await merged.next()
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(seen).toEqual(['a0', 'b0'])
  await merged.return()
})

test('a consumer that leaves, or a source that fails, ends them all', async () => {
  const seen: string[] = []
  for await (const { value } of merge([numbers(9, seen, 'a'), numbers(9, seen, 'b')])) if (value === 1) break
  await Promise.resolve()
  expect(seen.filter((each) => each.endsWith('ends')).toSorted()).toEqual(['a ends', 'b ends'])

  // oxlint-disable-next-line require-yield
  async function* broken(): AsyncGenerator<number, void> {
    throw new Error('broken')
  }
  const run = async (): Promise<void> => {
    for await (const { source } of merge([numbers(9, seen, 'c'), broken()])) expect(source).toBe(0)
  }
  await expect(run()).rejects.toThrow('broken')
})
