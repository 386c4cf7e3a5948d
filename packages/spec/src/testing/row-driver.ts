import type { RowDriver } from '../row-driver.ts'

/** The caller's test function: vitest's, node:test's or jest's `test`. */
export type ConformanceTest = (name: string, body: () => Promise<void>) => void

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`row driver conformance: ${what}`)
}

async function rejects(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => false,
    () => true,
  )
}

function pattern(ids: Uint32Array, rowBytes: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(ids.length * rowBytes)
  for (let i = 0; i < ids.length; i++) {
    for (let j = 0; j < rowBytes; j++) bytes[i * rowBytes + j] = (ids[i]! * 31 + j * 7 + salt) & 255
  }
  return bytes
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i])

/**
 * The behaviour every writable row driver promises.
 * @param test the caller's `test`
 * @param open makes a fresh driver with the given geometry, all rows zero
 */
export function rowDriverConformance(
  test: ConformanceTest,
  open: (geometry: { rows: number; rowBytes: number }) => Promise<RowDriver>,
): void {
  const withDriver = (
    name: string,
    body: (driver: Required<Pick<RowDriver, 'write'>> & RowDriver) => Promise<void>,
  ): void =>
    test(name, async () => {
      const driver = await open({ rows: 64, rowBytes: 48 })
      try {
        check(typeof driver.write === 'function', 'a writable driver has write()')
        await body(driver as Required<Pick<RowDriver, 'write'>> & RowDriver)
      } finally {
        await driver.dispose()
      }
    })

  withDriver('reports its geometry', async (driver) => {
    check(driver.rows === 64 && driver.rowBytes === 48, 'rows and rowBytes are those it was opened with')
  })

  withDriver('reads back what was written, in the order of the ids', async (driver) => {
    const all = Uint32Array.from({ length: 64 }, (_, i) => i)
    await driver.write(all, pattern(all, 48, 1))
    const some = Uint32Array.of(0, 3, 4, 5, 31, 63)
    const into = new Uint8Array(some.length * 48)
    await driver.read(some, into)
    check(equal(into, pattern(some, 48, 1)), 'rows come back byte for byte')
  })

  withDriver('leaves rows alone that were not named', async (driver) => {
    const odd = Uint32Array.from({ length: 32 }, (_, i) => 2 * i + 1)
    await driver.write(odd, pattern(odd, 48, 2))
    const even = Uint32Array.from({ length: 32 }, (_, i) => 2 * i)
    const into = new Uint8Array(even.length * 48).fill(255)
    await driver.read(even, into)
    check(
      into.every((x) => x === 0),
      'unwritten rows are zero',
    )
  })

  withDriver('keeps its own copy of written bytes', async (driver) => {
    const ids = Uint32Array.of(7)
    const bytes = pattern(ids, 48, 3)
    await driver.write(ids, bytes)
    bytes.fill(0)
    const into = new Uint8Array(48)
    await driver.read(ids, into)
    check(equal(into, pattern(ids, 48, 3)), "a later change of the caller's buffer changes nothing")
  })

  withDriver('refuses an id out of range and a buffer of the wrong size', async (driver) => {
    check(await rejects(driver.read(Uint32Array.of(64), new Uint8Array(48))), 'reading row 64 of 64 rejects')
    check(await rejects(driver.write(Uint32Array.of(64), new Uint8Array(48))), 'writing row 64 of 64 rejects')
    check(await rejects(driver.read(Uint32Array.of(1), new Uint8Array(47))), 'a short buffer rejects')
  })

  withDriver('honours an aborted signal', async (driver) => {
    const signal = AbortSignal.abort()
    check(await rejects(driver.read(Uint32Array.of(1), new Uint8Array(48), { signal })), 'read rejects')
    check(await rejects(driver.write(Uint32Array.of(1), new Uint8Array(48), { signal })), 'write rejects')
  })
}
