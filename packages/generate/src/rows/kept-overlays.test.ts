import { expect, test, vi } from 'vitest'
import { keepOverlays } from './kept-overlays.ts'

const opened = (name: string) => ({ name, source: { dispose: vi.fn(async () => {}) } })
type Opened = ReturnType<typeof opened>
/** Opens by name, and says what was opened in which order. */
function setUp(most: number) {
  const kept = keepOverlays<Opened>(most)
  const openings: string[] = []
  const open = (name: string): Promise<Opened> =>
    kept.open(name, async () => {
      openings.push(name)
      return opened(name)
    })
  return { kept, open, openings }
}

test('what was opened is given to all who ask for it, also to those who ask before it is open', async () => {
  const { open, openings } = setUp(2)
  const [one, other] = await Promise.all([open('a'), open('a')])
  expect(other).toBe(one)
  expect(await open('a')).toBe(one)
  expect(openings).toEqual(['a'])
})

test('what was asked for longest ago makes room, and is not disposed, as it may be in use', async () => {
  const { open, openings } = setUp(2)
  const [a, b] = [await open('a'), await open('b')]
  await open('a')
  await open('c')
  expect(await open('a')).toBe(a)
  expect(await open('b')).not.toBe(b)
  expect(openings).toEqual(['a', 'b', 'c', 'b'])
  expect(b.source.dispose).not.toHaveBeenCalled()
})

test('what could not be opened is told to all who wait, and tried again for the next', async () => {
  const { kept, open } = setUp(2)
  const fail = vi.fn(() => Promise.reject(new Error('away')))
  const outcomes = await Promise.allSettled([kept.open('a', fail), kept.open('a', fail)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(fail).toHaveBeenCalledTimes(1)
  expect((await open('a')).name).toBe('a')
})

test('a failure that comes late does not forget what was opened since', async () => {
  const { kept, open, openings } = setUp(1)
  const late = Promise.withResolvers<Opened>()
  const failing = kept.open('a', () => late.promise)
  await open('b')
  const a = await open('a')
  late.reject(new Error('away'))
  await expect(failing).rejects.toThrow('away')
  expect(await open('a')).toBe(a)
  expect(openings).toEqual(['b', 'a'])
})

test('disposing ends what is kept, whatever failed', async () => {
  const { kept, open } = setUp(3)
  const [a, b] = [await open('a'), await open('b')]
  a.source.dispose.mockRejectedValue(new Error('stuck'))
  const failing = kept.open('c', () => Promise.reject(new Error('away')))
  await kept.dispose()
  await expect(failing).rejects.toThrow('away')
  expect(a.source.dispose).toHaveBeenCalledTimes(1)
  expect(b.source.dispose).toHaveBeenCalledTimes(1)
})
