import type { RowDriver } from '@stemkit/spec/row-driver'
import type { createLedger } from './ledger.ts'

type Ledger = ReturnType<typeof createLedger>

/** Bytes that no other call writes. */
export function uniqueBytes(length: number, random: () => number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = 1 + Math.floor(random() * 255)
  return bytes
}

/** Random calls of all kinds, overlapping, each told to the ledger when it is made and when it resolves. */
export async function useRows(driver: RowDriver, ledger: Ledger, random: () => number, steps: number): Promise<void> {
  let underWay: Promise<unknown>[] = []
  for (let step = 0; step < steps; step++) {
    const dice = random()
    if (dice < 0.5) underWay.push(writeSome(driver, ledger, random))
    else if (dice < 0.65) underWay.push(flush(driver, ledger))
    else if (dice < 0.9) underWay.push(changeMeta(driver, ledger, random, step))
    else if (dice < 0.95) await grow(driver, ledger, 1 + Math.floor(random() * 8))
    if (random() < 0.3) {
      await Promise.all(underWay)
      underWay = []
    }
  }
  await Promise.all(underWay)
}

async function writeSome(driver: RowDriver, ledger: Ledger, random: () => number): Promise<void> {
  const density = random() ** 2
  const ids = Uint32Array.from({ length: driver.rows }, (_, id) => id).filter(() => random() < density)
  const from = uniqueBytes(ids.length * driver.rowBytes, random)
  ledger.wrote(ids, from)
  await driver.write!(ids, from)
}

async function flush(driver: RowDriver, ledger: Ledger): Promise<void> {
  const resolved = ledger.flushCalled()
  await driver.flush!()
  resolved()
}

async function grow(driver: RowDriver, ledger: Ledger, more: number): Promise<void> {
  const wanted = driver.rows + more
  const resolved = ledger.resizeCalled(wanted)
  await driver.resize!(wanted)
  resolved()
}

async function changeMeta(driver: RowDriver, ledger: Ledger, random: () => number, step: number): Promise<void> {
  const name = `meta-${Math.floor(random() * 3)}`
  const { put, remove } = driver.meta as Required<NonNullable<RowDriver['meta']>>
  const value = random() < 0.2 ? undefined : `${name} of step ${step}`.repeat(1 + Math.floor(random() * 60))
  const settled = ledger.metaCalled(name, value)
  if (value === undefined) {
    await remove(name)
    settled('done')
    return
  }
  const bytes = new TextEncoder().encode(value)
  const stale = random() < 0.1
  await put(name, bytes, stale ? { ifVersion: 'of somebody else' } : {}).then(
    () => settled('done'),
    (error: unknown) => {
      if (!stale) throw error
      settled('refused')
    },
  )
}
