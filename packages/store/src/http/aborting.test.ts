import { describe, expect, test } from 'vitest'
import { httpRows } from './http-rows.ts'
import { CONTENT, opened, settled } from './testing/opened-rows.ts'

describe('aborting', () => {
  const abortSoon = (ms: number): { signal: AbortSignal; reason: Error } => {
    const stop = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => stop.abort(reason), ms)
    return { signal: stop.signal, reason }
  }

  test.each([
    ['before the headers', { after: 0 }],
    ['in the body', { after: 5000 }],
    ['while it waits to try again', { status: 503, headers: { 'retry-after': '60' } }],
  ] as const)('%s rejects at once and leaks no connection', async (_, fault) => {
    const { server, driver } = await opened({ timeout: 60_000, concurrency: 2, gapBytes: 0 })
    server.failAll(fault)
    const { signal, reason } = abortSoon(80)
    const before = performance.now()
    const ids = Uint32Array.of(0, 1, 2, 3, 20, 21, 40, 60)
    const into = new Uint8Array(8 * 4096)
    await expect(driver.read(ids, into, { signal })).rejects.toBe(reason)
    expect(performance.now() - before).toBeLessThan(1000)
    const cut = 'status' in fault ? 'complete' : 'cut'
    expect((await settled(server)).map(({ outcome }) => outcome)).toEqual([cut, cut])

    // The turns of those that were waiting are not lost.
    server.failAll(undefined)
    await driver.read(ids, into)
    expect(into.subarray(0, 4 * 4096)).toEqual(CONTENT.subarray(0, 4 * 4096))
    await driver.dispose()
  })

  test('opening and getting metas', async () => {
    const { server, driver } = await opened({ timeout: 60_000 })
    server.failAll({ after: 0 })
    const first = abortSoon(20)
    await expect(httpRows(server.url, { signal: first.signal })).rejects.toBe(first.reason)
    const second = abortSoon(20)
    await expect(driver.meta!.get('root', { signal: second.signal })).rejects.toBe(second.reason)
    expect((await settled(server)).map(({ outcome }) => outcome)).toEqual(['cut', 'cut'])
  })

  test('works with a fetch that takes no notice of signals, and nothing is written after it', async () => {
    const { server, driver } = await opened({
      timeout: 60_000,
      fetch: (url, { headers }) => globalThis.fetch(url, { headers }),
    })
    let goOn!: () => void
    const later = new Promise<void>((resolve) => (goOn = resolve))
    server.fail({ after: 2000, does: () => later })
    const { signal, reason } = abortSoon(50)
    const into = new Uint8Array(4096)
    await expect(driver.read(Uint32Array.of(9), into, { signal })).rejects.toBe(reason)
    into.fill(0xee)
    goOn()
    await settled(server)
    expect(into.every((byte) => byte === 0xee)).toBe(true)
  })

  test('warns of no leaks with many requests on one signal', async () => {
    const warnings: string[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', onWarning)
    const { driver } = await opened({ gapBytes: 0 })
    const ids = Uint32Array.from({ length: 32 }, (_, i) => 2 * i)
    await driver.read(ids, new Uint8Array(32 * 4096), { signal: new AbortController().signal })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })
})
