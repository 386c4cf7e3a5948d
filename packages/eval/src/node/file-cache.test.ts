import { appendFileSync, readdirSync, readFileSync, truncateSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EvalAnswer } from '../ask/requests.ts'
import { fileCache } from './file-cache.ts'

const modelId = 'sha256:abc'
const answers: EvalAnswer[] = [
  { kind: 'loglikelihood', logprob: -1.2345678901234567, greedy: true },
  { kind: 'loglikelihood_rolling', logprob: -1e-300 },
  { kind: 'generate_until', text: 'a\n"b" \u2028 é' },
]
let folder: string
beforeEach(async () => (folder = join(await mkdtemp(join(tmpdir(), 'stemkit-answers-')), 'cache')))
afterEach(() => rm(join(folder, '..'), { recursive: true }))

const fileOf = (): string => join(folder, readdirSync(folder)[0]!)
const keep = async (keys: readonly string[]): Promise<void> => {
  const cache = fileCache(folder, { modelId })
  for (const [i, key] of keys.entries()) cache.put(key, answers[i % answers.length]!)
  await cache.dispose()
}

describe('answers in a folder', () => {
  test('are there again, to the last digit, for their model alone', async () => {
    await keep(['a', 'b', 'c'])
    const again = fileCache(folder, { modelId })
    expect(['a', 'b', 'c', 'd'].map((key) => again.get(key))).toEqual([...answers, undefined])
    const other = fileCache(folder, { modelId: 'sha256:def' })
    expect(other.get('a')).toBeUndefined()
    await Promise.all([again.dispose(), other.dispose()])
  })

  test('are in the file as soon as they are kept', async () => {
    const cache = fileCache(folder, { modelId })
    cache.put('a', answers[0]!)
    expect(readFileSync(fileOf(), 'utf8')).toContain('-1.2345678901234567')
    await cache.dispose()
    expect(() => cache.put('b', answers[0]!)).toThrow('was closed')
  })

  test('survive a file that was cut anywhere, but for the line that was cut', async () => {
    await keep(['a', 'b', 'c'])
    const whole = readFileSync(fileOf())
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        await keep([])
        truncateSync(fileOf(), 0)
        appendFileSync(fileOf(), whole.subarray(0, length))
        const lines = whole.subarray(0, length).toString('latin1').split('\n').length - 1
        const cache = fileCache(folder, { modelId })
        const known = ['a', 'b', 'c'].filter((key) => cache.get(key) !== undefined).length
        // All of a line but its end is a whole answer.
        expect([lines, lines + 1]).toContain(known)
        cache.put('d', answers[1]!)
        await cache.dispose()
        const again = fileCache(folder, { modelId })
        expect(again.get('d')).toEqual(answers[1])
        expect(['a', 'b', 'c'].filter((key) => again.get(key) !== undefined)).toHaveLength(known)
        await again.dispose()
      }),
      { numRuns: 40 },
    )
  })

  test('are passed over where a line is damaged', async () => {
    await keep(['a', 'b'])
    appendFileSync(fileOf(), '{"key":"x","answer":{"kind":"loglikelihood"}}\n\u0000\u0000\n')
    await keep(['c'])
    const cache = fileCache(folder, { modelId })
    expect(['a', 'b', 'c', 'x'].map((key) => cache.get(key) !== undefined)).toEqual([true, true, true, false])
    await cache.dispose()
  })

  test('of two runs at once go into one file', async () => {
    const [one, two] = [fileCache(folder, { modelId }), fileCache(folder, { modelId })]
    for (let i = 0; i < 50; i++) {
      one.put(`one ${i}`, answers[i % 3]!)
      two.put(`two ${i}`, answers[i % 3]!)
    }
    await Promise.all([one.dispose(), two.dispose()])
    const both = fileCache(folder, { modelId })
    for (let i = 0; i < 50; i++)
      for (const name of ['one', 'two']) expect(both.get(`${name} ${i}`)).toEqual(answers[i % 3])
    await both.dispose()
  })

  test('cannot be kept where no folder can be', () => {
    expect(() => fileCache('/dev/null/cache', { modelId })).toThrow(/answers-.*cannot be opened/)
  })
})
